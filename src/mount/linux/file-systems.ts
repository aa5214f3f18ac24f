import { FailedPreconditionError, UnavailableError } from '../../libstorage/errors.ts'
import {
  lastLine,
  notInstalled,
  type Run,
  type RunBehindGate,
  type RunResult,
} from '../../libstorage/run.ts'
import type { Disk, NewFileSystemSpec, ToolStarting } from '../mounter.ts'
import { assertSame, ifSame } from './same-disk.ts'
import { runDeviceTool } from './tools.ts'

const LOOK_UP_MS = 10_000

/**
 * How each file system is made. Discarding a new volume is pointless work; `-F` and `-f` only stop the question whether
 * to go on, since what lies on the device was looked at before, and neither overrides a mounted device.
 */
const MAKERS: Readonly<
  Record<string, (device: string, spec: NewFileSystemSpec) => readonly [string, ...string[]]>
> = {
  ext4: (device, { uuid, label }) => [
    'mkfs.ext4',
    '-q',
    '-F',
    '-m0',
    '-E',
    'nodiscard,lazy_itable_init=1,lazy_journal_init=1',
    '-U',
    uuid,
    '-L',
    shortened(label, 16),
    device,
  ],
  xfs: (device, { uuid, label }) => [
    'mkfs.xfs',
    '-q',
    '-f',
    '-K',
    '-m',
    `uuid=${uuid}`,
    '-L',
    shortened(label, 12),
    device,
  ],
  btrfs: (device, { uuid, label }) => [
    'mkfs.btrfs',
    '-q',
    '-f',
    '-K',
    '-U',
    uuid,
    '-L',
    shortened(label, 255),
    device,
  ],
}

/** Rejects with `FailedPreconditionError` that names the package, where mkfs is missing. */
export async function requireMaker(fsType: string, run: Run): Promise<void> {
  const command = `mkfs.${fsType}`
  const found = await run('sh', ['-c', 'command -v -- "$1"', 'sh', command], {
    timeoutMs: LOOK_UP_MS,
  })
  if (found.exitCode !== 0) throw notInstalled(command)
}

/** Where an xfs superblock has `sb_inprogress`, which mkfs.xfs sets with its first write and clears with its last one. */
const XFS_IN_PROGRESS_AT = 126

/**
 * Whether a file system that blkid sees is one that its mkfs has finished. mkfs.ext4 and mkfs.btrfs write what blkid
 * looks for at their very end, mkfs.xfs at its beginning. Rejects with `FailedPreconditionError` where it cannot be read.
 */
export async function isFinished(device: string, fsType: string, run: Run): Promise<boolean> {
  if (fsType !== 'xfs') return true
  const args = ['-An', '-tu1', `-j${XFS_IN_PROGRESS_AT}`, '-N1', device]
  const result = await run('od', args, { timeoutMs: LOOK_UP_MS })
  const mark = result.stdout.trim()
  if (result.exitCode === 0 && mark !== '') return mark === '0'
  throw new FailedPreconditionError({
    subject: device,
    problem: `cannot be read: ${lastLine(result)}`,
  })
}

/** Wipes every signature that blkid knows. Rejects with `FailedPreconditionError` while somebody holds the device. */
export async function wipeSignatures(disk: Disk, run: Run): Promise<void> {
  const [command, ...args] = ifSame(disk, ['wipefs', '--all', '--quiet', disk.device])
  const result = await run(command, args, { timeoutMs: LOOK_UP_MS })
  assertSame(disk, result)
  if (result.exitCode === 0) return
  throw new FailedPreconditionError({
    subject: disk.device,
    problem: `cannot be wiped: ${lastLine(result)}`,
  })
}

const LOCKED = 240
const NOT_BLANK = 241
/** Nothing that blkid knows may lie there when the turn has come (its exit 2). */
const UNLESS_FORMATTED = `blkid -p "$0" > /dev/null 2>&1; [ $? -eq 2 ] || exit ${NOT_BLANK}; exec "$@"`

/**
 * Runs a tool while no other one that is run like this works on the device. mkfs.btrfs does not open it exclusively, and
 * another server on this kernel, with a state of its own, may have found the device blank at the same time: whoever has
 * the lock (systemd's "Locking Block Device Access") looks once more. The tool keeps the lock until it ends.
 */
function aloneOn(device: string, runBehindGate: RunBehindGate): RunBehindGate {
  const lock = ['--no-fork', '--wait', '60', '--conflict-exit-code', String(LOCKED), device]
  return (command, args, opening) => {
    const words = [...lock, 'sh', '-c', UNLESS_FORMATTED, device, command, ...args]
    return runBehindGate('flock', words, opening)
  }
}

function overtaken(device: string): UnavailableError {
  return new UnavailableError({
    subject: `device ${device}`,
    problem: 'is being formatted by another program on this machine',
    remedy: 'try again: what that makes is mounted as found',
  })
}

/**
 * Makes a file system; the label is cut to what it can hold. Rejects with `FailedPreconditionError` when mkfs fails, with
 * `UnavailableError` when another server was faster.
 */
export async function makeFileSystem(
  disk: Disk,
  spec: NewFileSystemSpec,
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
): Promise<void> {
  const maker = MAKERS[spec.fsType]
  if (maker === undefined) throw new Error(`no way to make a file system of type ${spec.fsType}`)
  const { device } = disk
  const result = await runDeviceTool(
    disk,
    maker(device, spec),
    aloneOn(device, runBehindGate),
    starting,
  )
  if (result.exitCode === 0) return
  if (result.exitCode === LOCKED || result.exitCode === NOT_BLANK) throw overtaken(device)
  throw new FailedPreconditionError({
    subject: `mkfs.${spec.fsType} ${device}`,
    problem: `failed: ${lastLine(result)}`,
    remedy: 'mend that and try again',
  })
}

/**
 * Checks ext2, ext3 and ext4 before a mount: no machine knows whether another one let go cleanly. xfs and btrfs replay
 * their logs when they are mounted. A thorough check looks at what is marked clean too. e2fsck's exit is a bit mask: 1 and 2 mean that it repaired something.
 */
export async function checkFileSystem(
  disk: Disk,
  fsType: string,
  runBehindGate: RunBehindGate,
  starting: ToolStarting,
  depth: 'quick' | 'thorough' = 'quick',
): Promise<void> {
  if (!fsType.startsWith('ext')) return
  const { device } = disk
  const args = [...(depth === 'thorough' ? ['-f'] : []), '-p', device]
  const result = await runDeviceTool(disk, ['e2fsck', ...args], runBehindGate, starting)
  if (result.exitCode <= 3) return
  throw new FailedPreconditionError({
    subject: `the ${fsType} file system on ${device}`,
    problem: `needs repair: e2fsck says "${verdict(device, result)}"`,
    remedy: `attach the volume and repair it with e2fsck -f on its device (it was ${device})`,
  })
}

/**
 * What e2fsck ends with is advice. Its verdict has these words, after the label of the file system or else its device;
 * where it cannot work at all, the verdict is the last line that begins with the device's or its own name.
 */
function verdict(device: string, result: RunResult): string {
  const lines = result.stdout.split('\n').map((line) => line.trim())
  const isVerdict = (line: string) =>
    [`${device}: `, `${device} `, 'e2fsck: '].some((start) => line.startsWith(start)) &&
    !/cannot continue/i.test(line)
  return (
    lines.findLast((line) => line.includes('UNEXPECTED INCONSISTENCY')) ??
    lines.findLast(isVerdict) ??
    lastLine(result)
  )
}

function shortened(label: string, bytes: number): string {
  let text = ''
  for (const character of label) {
    if (!/[\x20-\x7e]/.test(character) || Buffer.byteLength(text + character) > bytes) break
    text += character
  }
  return text
}
