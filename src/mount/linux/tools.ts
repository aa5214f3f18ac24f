import { FailedPreconditionError, UnavailableError } from '../../libstorage/errors.ts'
import {
  identifyProcess,
  isProvablyDead,
  type ProcessIdentity,
} from '../../libstorage/process-identity.ts'
import { notInstalled, type RunBehindGate, type RunResult } from '../../libstorage/run.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Disk, ToolStarting } from '../mounter.ts'
import { assertSame, ifSame } from './same-disk.ts'

/** What a shell answers when there is no such program. */
const NOT_FOUND = 127

/** How often it is looked whether a tool is still there, and how long a report may come after its end, in milliseconds. */
const LOOK_MS = 1_000

/**
 * Runs a tool that changes a device. It survives our end, and begins only when it has been named to `starting`. Resolves
 * when it ends, however long that takes; rejects with `UnavailableError` when it has ended and nobody says how, and when
 * the name of the disk means another one by the time the tool would begin.
 */
export async function runDeviceTool(
  disk: Disk,
  words: readonly [string, ...string[]],
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
): Promise<RunResult> {
  const [command] = words
  const [first, ...rest] = ifSame(disk, words)
  const reported = new AbortController()
  const result = await new Promise<RunResult>((resolve, reject) => {
    const opening = async (pid: number) => {
      const identity = await nameTool(command, pid, starting)
      untilDead(identity, reported.signal).then(
        () => reject(unreported(command)),
        () => {},
      )
    }
    runBehindGate(first, rest, opening).then(resolve, reject)
  }).finally(() => reported.abort())
  assertSame(disk, result)
  if (result.exitCode === NOT_FOUND) throw notInstalled(command)
  return result
}

/** Whoever reports the end of a tool may have been killed itself. */
async function untilDead(tool: ProcessIdentity, signal: AbortSignal): Promise<void> {
  do await sleep(LOOK_MS, signal)
  while (!isProvablyDead(tool))
  await sleep(LOOK_MS, signal)
}

function unreported(command: string): UnavailableError {
  return new UnavailableError({
    subject: command,
    problem: 'has ended, and what reports how was killed',
    remedy: 'try again',
  })
}

/** Names a process as the tool that it is. Rejects where there is none, or where it cannot be noted. */
export async function nameTool(
  command: string,
  pid: number | undefined,
  starting: ToolStarting,
): Promise<ProcessIdentity> {
  const identity = pid === undefined ? undefined : identifyProcess(pid)
  if (identity === undefined)
    throw new FailedPreconditionError({ subject: command, problem: 'could not be started' })
  await starting({ command, process: identity, since: new Date().toISOString() })
  return identity
}
