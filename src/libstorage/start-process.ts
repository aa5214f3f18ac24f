import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { UnavailableError } from './errors.ts'

/**
 * Starts a process. Throws `UnavailableError` where this one has as many files open as it may: then there is a child
 * without pipes, and its error would end us if nobody listened.
 */
export function startProcess(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const child = spawn(command, args, options)
  const pipes: ChildProcess['stdio'] | undefined = child.stdio
  if (pipes !== undefined) return child
  child.once('error', () => {})
  throw new UnavailableError({
    subject: command,
    problem: 'could not be started: this process has as many files open as it may',
    remedy: 'raise that limit (LimitNOFILE of the unit), and try again',
  })
}
