import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { systemCode } from '../../libstorage/errors.ts'

/** A process, as /proc shows it. */
export interface SeenProcess {
  readonly pid: number
  readonly command: string
}

/** The processes whose command has this name, of those that are seen from here. */
export function processesNamed(command: string): readonly SeenProcess[] {
  return pids()
    .filter((pid) => commandOf(pid) === command)
    .map((pid) => ({ pid: Number(pid), command }))
}

/** The process that has this socket (its inode) open, undefined where that is not seen from here. */
export function ownerOfSocket(inode: string): SeenProcess | undefined {
  const link = `socket:[${inode}]`
  const pid = pids().find((one) =>
    entriesOf(`/proc/${one}/fd`).some((fd) => linkOf(`/proc/${one}/fd/${fd}`) === link),
  )
  return pid === undefined ? undefined : { pid: Number(pid), command: commandOf(pid) }
}

/** The inode of the listening unix socket bound at this path; `/proc/net/unix`, proc(5). */
export function inodeOfUnixSocket(path: string): string | undefined {
  const lines = textOf('/proc/net/unix').split('\n')
  const fields = lines.map((line) => line.trim().split(/\s+/))
  return fields.find((one) => one[7] === path)?.[6]
}

/** The mount namespace of a process, undefined where it may not be seen. */
export function mountNamespaceOf(pid: number | 'self'): string | undefined {
  return linkOf(`/proc/${pid}/ns/mnt`)
}

/** The file of the program that a process runs, undefined where that may not be seen. */
export function programOf(pid: number): string | undefined {
  return linkOf(`/proc/${pid}/exe`)
}

/** Whether a process has ended: what its parent has not asked for yet has a name, and no program. */
export function hasEnded(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/exe`)
    return false
  } catch (error) {
    return ['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')
  }
}

/** The mounts that a process sees, as text; '' where they may not be seen. */
export function mountInfoOf(pid: number | 'self'): string {
  return textOf(`/proc/${pid}/mountinfo`)
}

function pids(): readonly string[] {
  return entriesOf('/proc').filter((name) => /^\d+$/.test(name))
}

function commandOf(pid: string): string {
  return textOf(`/proc/${pid}/comm`).trim()
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
