import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { identifyProcess } from '../../libstorage/process-identity.ts'
import { notInstalled, type RunBehindGate, type RunResult } from '../../libstorage/run.ts'
import type { ToolStarting } from '../mounter.ts'

/** What a shell answers when there is no such program. */
const NOT_FOUND = 127

/**
 * Runs a tool that changes a device. It survives our end, and begins only when it has been named to `starting`. Resolves
 * when it ends, however long that takes.
 */
export async function runDeviceTool(
  command: string,
  args: readonly string[],
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
): Promise<RunResult> {
  const result = await runBehindGate(command, args, (pid) => nameTool(command, pid, starting))
  if (result.exitCode === NOT_FOUND) throw notInstalled(command)
  return result
}

/** Names a process as the tool that it is. Rejects where there is none, or where it cannot be noted. */
export async function nameTool(
  command: string,
  pid: number | undefined,
  starting: ToolStarting,
): Promise<void> {
  const identity = pid === undefined ? undefined : identifyProcess(pid)
  if (identity === undefined)
    throw new FailedPreconditionError({ subject: command, problem: 'could not be started' })
  await starting({ command, process: identity, since: new Date().toISOString() })
}
