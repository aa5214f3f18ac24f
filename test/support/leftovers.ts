import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Machine } from './machine.ts'

/** What may still be there when a test has removed its volumes. */
export interface Expected {
  /** Processes of the machine that are meant to run: the server, an engine. */
  readonly pids?: readonly number[]
  /** Volumes that are meant to stay in the pool, by folder name. */
  readonly volumes?: readonly string[]
  /** Also look for what only a server that has ended must have taken away: locks. */
  readonly ended?: boolean
}

/** Everything on the machine that belongs to nobody, each as a short line. Empty is right. */
export function leftovers(machine: Machine, expected: Expected = {}): string[] {
  return [
    ...machine
      .mounts()
      .filter((point) => point.startsWith(join(machine.home, 'var/')))
      .map((point) => `mount ${point}`),
    ...machine.loops().map((loop) => `loop ${loop}`),
    ...(expected.pids === undefined ? [] : strayProcesses(machine, expected.pids)),
    ...entries(join(machine.home, 'var/lib/loop'))
      .filter((name) => !name.startsWith('.') && !expected.volumes?.includes(name))
      .map((name) => `volume ${name}`),
    ...entries(join(machine.home, 'var/lib/volumes')).map((name) => `mount point ${name}`),
    ...temporaryFiles(machine.home),
    ...(expected.ended === true ? [...locks(machine.home), ...owned(machine.home)] : []),
  ]
}

/** Waits until nothing is left (the linger after the last Unmount is two seconds); throws what is. */
export async function expectNothingLeft(
  machine: Machine,
  expected: Expected = {},
  timeoutMs = 20_000,
): Promise<void> {
  try {
    await eventually('nothing to be left', () => isNothingLeft(machine, expected), timeoutMs)
  } catch (cause) {
    throw new Error(`left behind:\n${leftovers(machine, expected).join('\n')}`, { cause })
  }
}

/** What goes while it is looked at was not gone. */
function isNothingLeft(machine: Machine, expected: Expected): boolean {
  try {
    return leftovers(machine, expected).length === 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

function strayProcesses(machine: Machine, expected: readonly number[]): string[] {
  return machine
    .processes()
    .filter((pid) => !expected.includes(pid) && !startsToolsFor(pid, expected))
    .map((pid) => `process ${pid} ${commandLine(pid)}`)
}

/** A server's shell that starts its tools belongs to it, and ends with it. */
function startsToolsFor(pid: number, servers: readonly number[]): boolean {
  if (commandLine(pid) !== 'sh -s remora-tools') return false
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return servers.includes(Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return '(ended)'
  }
}

function temporaryFiles(home: string): string[] {
  return entriesBelow(join(home, 'var'))
    .filter((path) => /[.-](tmp|temp|new|part)([.-]|$)|~$/i.test(path.slice(home.length)))
    .map((path) => `temporary file ${path}`)
}

/** What a process names as its own while it works on it. */
function owned(home: string): string[] {
  return entriesBelow(join(home, 'var'))
    .filter((path) => /~\d+~\d+~[0-9a-f]+$/.test(path))
    .map((path) => `temporary entry ${path}`)
}

function locks(home: string): string[] {
  return entriesBelow(join(home, 'var/run'))
    .filter((path) => /\.lock$/.test(path))
    .map((path) => `lock ${path}`)
}

function entriesBelow(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
    join(entry.parentPath, entry.name),
  )
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
