import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { identifyProcess } from '../../libstorage/process-identity.ts'
import type { RunBehindGate, RunResult } from '../../libstorage/run.ts'
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

const PACKAGES: Readonly<Record<string, string>> = {
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  resize2fs: 'e2fsprogs',
  xfs_growfs: 'xfsprogs',
  btrfs: 'btrfs-progs',
  btrfstune: 'btrfs-progs',
}

/** The refusal that names the package to install. */
export function notInstalled(command: string): FailedPreconditionError {
  const install = PACKAGES[command]
  return new FailedPreconditionError({
    subject: command,
    problem: 'is not installed on this machine',
    remedy: install === undefined ? 'install it' : `install the package ${install}`,
  })
}
