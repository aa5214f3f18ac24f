import { existsSync } from 'node:fs'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run, type RunBehindGate } from '../../libstorage/run.ts'
import type { CopyIdentity, ToolStarting } from '../mounter.ts'
import { readSuperblock } from './superblock.ts'
import { runDeviceTool } from './tools.ts'

/** Where the kernel shows what its btrfs can do, and by their UUIDs those that are mounted. */
const BTRFS = '/sys/fs/btrfs'
/** Linux since 6.7 gives a single-device btrfs a passing identity where another one of its UUID is mounted. */
const MOUNTS_TWINS = 'features/temp_fsid'

/**
 * Gives a copied btrfs a UUID of its own, by its superblocks alone: a kernel that meets two of one UUID refuses the
 * second or takes both for one. btrfstune makes a file system unusable whose log is not replayed yet: such a one keeps
 * its UUID until it has been mounted once. Rejects with `FailedPreconditionError` where its twin is mounted meanwhile.
 */
export async function tellApart(
  copy: CopyIdentity,
  run: Run,
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
  sysfs = BTRFS,
): Promise<void> {
  const { device, uuid, ownUuid } = copy
  if (uuid === ownUuid) return
  const { hasLog, devices } = await readSuperblock(device, 'btrfs', run)
  let why = 'its log is to be replayed first'
  if (!hasLog && devices === 1) {
    const words = ['btrfstune', '-M', ownUuid, device] as const
    const result = await runDeviceTool(copy, words, runBehindGate, starting)
    if (result.exitCode === 0) return
    why = `btrfstune says "${lastLine(result)}"`
  }
  if (existsSync(`${sysfs}/${MOUNTS_TWINS}`) || !existsSync(`${sysfs}/${uuid}`)) return
  throw new FailedPreconditionError({
    subject: `the btrfs file system on ${device}`,
    problem: `is a copy of one that is mounted, has the same UUID, and cannot be given another: ${why}`,
    remedy: 'unmount the one it was copied from until this one has been mounted once',
  })
}
