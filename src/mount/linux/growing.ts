import { FailedPreconditionError } from '../../libstorage/errors.ts'
import type { Run, RunBehindGate, RunResult } from '../../libstorage/run.ts'
import type { GrowthTarget, ToolStarting } from '../mounter.ts'
import { sizeInBytes } from './device.ts'
import { readSuperblock } from './superblock.ts'
import { runDeviceTool } from './tools.ts'

/**
 * Less than this at the end of a device may be what a file system cannot use: a last group or allocation group that is
 * too short to hold its own tables. No platform grows a volume by so little.
 */
const USABLE_BYTES = 16 * 1_048_576

/** How many bytes of the device its file system could use and does not; 0 where there are none worth it. */
export async function unfilledBytes(device: string, fsType: string, run: Run): Promise<number> {
  const { sizeBytes } = await readSuperblock(device, fsType, run)
  const unfilled = sizeInBytes(device) - sizeBytes
  return unfilled >= USABLE_BYTES ? unfilled : 0
}

/** Grows a file system to its device: ext before its mount or, where the kernel lets us, after; xfs and btrfs after. */
export async function growFileSystem(
  target: GrowthTarget,
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
): Promise<void> {
  const words = growerOf(target)
  const result = await runDeviceTool(target, words, runBehindGate, starting)
  if (result.exitCode !== 0) throw notGrown(target, words[0], result)
}

function growerOf({ device, fsType, mountPoint }: GrowthTarget): readonly [string, ...string[]] {
  if (fsType.startsWith('ext')) return ['resize2fs', device]
  if (mountPoint === undefined) throw new Error(`${fsType} is grown while it is mounted`)
  if (fsType === 'xfs') return ['xfs_growfs', '-d', mountPoint]
  return ['btrfs', 'filesystem', 'resize', 'max', mountPoint]
}

function notGrown(
  { device, fsType, mountPoint }: GrowthTarget,
  command: string,
  result: RunResult,
): FailedPreconditionError {
  const subject = `the ${fsType} file system on ${device}`
  if (mountPoint !== undefined && /permission denied/i.test(result.stdout + result.stderr))
    return new FailedPreconditionError({
      subject,
      problem: 'was not grown: the kernel grows a mounted ext only for CAP_SYS_RESOURCE',
      remedy: 'it is grown when it is mounted next',
    })
  return new FailedPreconditionError({
    subject,
    problem: `was not grown: ${command} says "${reason(command, result)}"`,
    remedy: 'mend that, and it is grown when it is mounted next',
  })
}

/** resize2fs and xfs_growfs begin the line of what failed with their own name; banners and advice stand around it. */
function reason(command: string, result: RunResult): string {
  const lines = `${result.stdout}\n${result.stderr}`.split('\n').map((line) => line.trim())
  const isBanner = (line: string) => line === '' || /^resize2fs \d/.test(line)
  const said = lines.filter((line) => !isBanner(line))
  const failed = said.find((line) => line.startsWith(`${command}: `))
  return failed ?? said.at(-1) ?? `exit status ${result.exitCode}`
}
