import { machine, type } from 'node:os'
import { isStorageError } from '../../libstorage/errors.ts'
import { version } from '../../version.ts'
import type { Output } from '../context.ts'
import { readArguments } from './arguments.ts'
import { runCommand } from './commands.ts'
import { PluginClient, RefusedError } from './plugin-client.ts'

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

type Log = (level: 'info' | 'warning' | 'error', message: string) => void

/** Runs one command line of dvdcli (github.com/codedellemc/dvdcli) and resolves with its exit status. Never rejects. */
export async function runDvdcli(
  args: readonly string[],
  surroundings: DvdcliSurroundings,
): Promise<number> {
  const log: Log = (level, message) =>
    surroundings.stderr.write(
      `time=${JSON.stringify(now())} level=${level} msg=${JSON.stringify(message)}\n`,
    )
  try {
    return await answer(args, surroundings, log)
  } catch (error) {
    const isPlain = isStorageError(error) || error instanceof RefusedError
    log('error', isPlain || !(error instanceof Error) ? messageOf(error) : (error.stack ?? ''))
    return 1
  }
}

async function answer(
  args: readonly string[],
  { scriptPath, stdout, stderr, roots }: DvdcliSurroundings,
  log: Log,
): Promise<number> {
  const { command, ...request } = readArguments(args)
  if (command === 'help') {
    stderr.write(USAGE)
    return args.length === 0 ? 1 : 0
  }
  if (command === 'version') {
    stdout.write(versionText(scriptPath))
    return 0
  }
  if (request.driver === '') {
    log('error', 'Missing volume driver name')
    return 1
  }
  const warn = (message: string) => log('warning', message)
  const plugin = new PluginClient(request.driver, { roots, warn })
  const lines = await runCommand(plugin, { ...request, command })
  const isPath = command === 'mount' || command === 'path'
  for (const line of lines) {
    if (isPath) log('info', line)
    stdout.write(`${line}\n`)
  }
  return 0
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
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
    Commit: '-',
    Formed: '-',
  }
  const lines = Object.entries(facts).map(([name, value]) => `${name}: ${value}`)
  return `${lines.join('\n')}\n`
}
