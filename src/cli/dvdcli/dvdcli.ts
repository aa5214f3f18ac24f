import { machine, type } from 'node:os'
import { isStorageError } from '../../libstorage/errors.ts'
import { origin, version } from '../../version.ts'
import type { Output } from '../context.ts'
import { type DvdcliRequest, readArguments } from './arguments.ts'
import { type PluginCommand, runCommand } from './commands.ts'
import { PluginClient } from './plugin-client.ts'
import { RefusedError } from './plugin-reply.ts'

/** What dvdcli finds around it. */
export interface DvdcliSurroundings {
  readonly scriptPath: string
  readonly stdout: Output
  readonly stderr: Output
  /** Below which plugins are looked for, the first first: `/`, before it a `REXRAY_HOME`. */
  readonly roots: readonly string[]
}

const USAGE = `Usage: dvdcli COMMAND --volumedriver=DRIVER [--volumename=NAME] [FLAGS]

Speaks to any Docker volume plugin on this machine.

Commands:
  create   make a volume             [--volumeopts=name=value,...]
  remove   destroy a volume
  mount    mount a volume, made first where there is none, and print its path
                                     [--volumeopts=name=value,...] [--explicitcreate]
  unmount  unmount a volume
  path     print the path of a volume that is mounted
  get      print the name of a volume
  list     print the names of all volumes
  version  print the version
`

/** The agent kills a mount after 120 s and an unmount after 10 minutes: an error that says why comes before. */
const LIMIT_MS = { mount: 115_000, others: 590_000 }

type Level = 'info' | 'warning' | 'error'
type Log = (level: Level, message: string, request?: Partial<DvdcliRequest>) => void

/** Runs one command line of dvdcli (github.com/rexray/dvdcli) and resolves with its exit status. Never rejects. */
export async function runDvdcli(
  args: readonly string[],
  surroundings: DvdcliSurroundings,
): Promise<number> {
  const log: Log = (level, message, { driver, volume } = {}) => {
    const facts = { time: now(), level, msg: message, volumeDriver: driver, volumeName: volume }
    surroundings.stderr.write(`${logLine(facts)}\n`)
  }
  try {
    const request = readArguments(args)
    return await answer(request, surroundings, log)
  } catch (error) {
    log('error', messageOf(error))
    surroundings.stderr.write(USAGE)
    return 1
  }
}

async function answer(
  request: DvdcliRequest,
  surroundings: DvdcliSurroundings,
  log: Log,
): Promise<number> {
  const { command } = request
  if (command === 'help') {
    surroundings.stderr.write(USAGE)
    return 0
  }
  if (command === 'version') {
    surroundings.stdout.write(versionText(surroundings.scriptPath))
    return 0
  }
  if (request.driver === '') {
    log('error', 'Missing volume driver name')
    return 1
  }
  try {
    await ask({ ...request, command }, surroundings, log)
    return 0
  } catch (error) {
    log('error', messageOf(error), request)
    return 1
  }
}

async function ask(
  request: DvdcliRequest & { command: PluginCommand },
  { roots, stdout }: DvdcliSurroundings,
  log: Log,
): Promise<void> {
  const plugin = new PluginClient(request.driver, {
    roots,
    warn: (message) => log('warning', message),
    limitMs: request.command === 'mount' ? LIMIT_MS.mount : LIMIT_MS.others,
  })
  const { printed, logged } = await runCommand(plugin, request)
  for (const line of logged) log('info', line)
  for (const line of printed) stdout.write(`${line}\n`)
}

/** A bug shows where it is. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const isMeant = isStorageError(error) || error instanceof RefusedError
  return isMeant ? error.message : (error.stack ?? error.message)
}

/** A line as logrus writes it, which dvdcli used: `level=info msg="…"`. */
function logLine(facts: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(facts)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quoted(name, value)}`]))
    .join(' ')
}

function quoted(name: string, value: string): string {
  const isBare = /^[\w.-]+$/.test(value) && name !== 'msg'
  return isBare ? value : JSON.stringify(value)
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}

function versionText(scriptPath: string): string {
  const facts = {
    Binary: scriptPath,
    SemVer: version,
    OsArch: `${type()}-${machine()}`,
    Branch: 'remora',
    Commit: origin.commit || 'unknown',
    Formed: origin.formed || 'unknown',
  }
  const lines = Object.entries(facts).map(([name, value]) => `${name}: ${value}`)
  return `${lines.join('\n')}\n`
}
