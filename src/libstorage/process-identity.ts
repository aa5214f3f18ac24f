import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import * as z from 'zod'

/** One process, told apart from every other that ever ran: a pid alone comes back after a while, and after a reboot at once. */
export interface ProcessIdentity {
  readonly bootId: string
  /** The inode of its pid namespace; a pid means nothing in another one. */
  readonly pidNamespace: string
  readonly pid: number
  /** Field 22 of /proc/pid/stat: clock ticks between boot and the process's start. */
  readonly startTime: string
}

/** What is known of this machine's boot and processes. */
export interface ThisMachine {
  /** The id of this boot of the kernel. */
  bootId(): string
  /** True only if the process cannot be alive any more. */
  isProvablyDead(process: ProcessIdentity): boolean
}

/** This machine, as its /proc tells. */
export const thisMachine: ThisMachine = { bootId: readBootId, isProvablyDead }

/** The pid namespace that the kernel starts with (PROC_PID_INIT_INO), in which every process is seen. */
const INITIAL_NAMESPACE = 'pid:[4026531836]'

/** The shape in which an identity is kept on disk. */
export const processIdentitySchema = z.object({
  bootId: z.string(),
  pidNamespace: z.string(),
  pid: z.number().int(),
  startTime: z.string(),
})

/** The id of this boot of the kernel; another one means that no process, mount or loop device from before is left. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** The identity of a living process of our own pid namespace, or undefined when there is none of that pid. */
export function identifyProcess(pid: number | 'self' = 'self'): ProcessIdentity | undefined {
  const stat = readStat(pid)
  if (stat === undefined) return undefined
  return {
    bootId: readBootId(),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
    pid: stat.pid,
    startTime: stat.startTime,
  }
}

/** This process. */
export function identifySelf(): ProcessIdentity {
  const self = identifyProcess('self')
  if (self === undefined) throw new Error('/proc/self/stat cannot be read')
  return self
}

/**
 * True only if the process cannot be alive any more. Of another pid namespace of this boot that can be told only where
 * all processes are seen: one that has none is dead. Where a process may not be asked for its namespace, which takes
 * CAP_SYS_PTRACE for one with more capabilities (ptrace(2)), its pid there and its start tell whether it is the one.
 */
export function isProvablyDead(identity: ProcessIdentity): boolean {
  if (identity.bootId !== readBootId()) return true
  const ours = readlinkSync('/proc/self/ns/pid')
  if (identity.pidNamespace !== ours)
    return ours === INITIAL_NAMESPACE && !livingPids().some((pid) => mayBeThere(pid, identity))
  const stat = readStat(identity.pid)
  return stat === undefined || stat.startTime !== identity.startTime || stat.state === 'Z'
}

function readStat(
  pid: number | 'self',
): { pid: number; state: string; startTime: string } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The command's name stands in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]]
  if (state === undefined || startTime === undefined) return undefined
  return { pid: Number.parseInt(text, 10), state, startTime }
}

function livingPids(): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => readStat(pid)?.state !== 'Z')
}

/** Whether a process of this pid may be in the pid namespace of an identity, or be it where that cannot be told. */
function mayBeThere(
  pid: number,
  { pidNamespace, pid: itsPid, startTime }: ProcessIdentity,
): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === pidNamespace
  } catch {
    return pidInside(pid) === itsPid && readStat(pid)?.startTime === startTime
  }
}

/** The pid that a process has in its own namespace (NSpid of proc_pid_status(5)). */
function pidInside(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const pids = /^NSpid:(?<all>.*)$/m.exec(status)?.groups?.['all']
    return Number(pids?.trim().split(/\s+/).at(-1))
  } catch {
    return undefined
  }
}
