import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { NEW_FILE_SYSTEMS } from '../../libstorage/file-system.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'
import type { BlankTest, DeviceContent } from '../mounter.ts'

/** A disk that does not answer within this time is called hung. */
const READ_TIMEOUT_MS = 10_000
/** Samples are read one by one; a slow network disk needs some milliseconds for each. */
const SAMPLES_TIMEOUT_MS = 100_000
const MIB = 1_048_576
const SAMPLE_BYTES = 65_536
const SAMPLES = 1_024
const SECTOR_BYTES = 512

/** blkid's names of the file systems that are mounted as what they are. */
const OURS: ReadonlySet<string> = new Set(['ext2', 'ext3', ...NEW_FILE_SYSTEMS])
/** What users call what blkid calls otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  crypto_LUKS: 'a LUKS container',
  LVM2_member: 'an LVM physical volume',
  linux_raid_member: 'a member of an md RAID',
  swap: 'swap space',
  zfs_member: 'a member of a ZFS pool',
  gpt: 'a GPT partition table',
  dos: 'an MBR partition table',
}

/** Reads the first block past all caches. Rejects with `TimeoutError` where the disk hangs. */
export async function answersDirectRead(device: string, run: Run): Promise<boolean> {
  const args = [`if=${device}`, 'of=/dev/null', 'iflag=direct', 'bs=4096', 'count=1', 'status=none']
  try {
    const { exitCode } = await run('dd', args, { timeoutMs: READ_TIMEOUT_MS })
    return exitCode === 0 && sizeInBytes(device) > 0
  } catch (cause) {
    if (!(cause instanceof TimeoutError)) throw cause
    const problem = `does not answer a read within ${READ_TIMEOUT_MS / 1000} s`
    throw new TimeoutError({
      subject: `device ${device}`,
      problem,
      remedy: 'see whether its disk hangs, and try again',
      cause,
    })
  }
}

/** Asks a mounted file system for its root, in a child: one that was shut down by an error refuses even that (EIO). */
export async function servesRoot(mountPoint: string, run: Run): Promise<boolean> {
  return (await run('stat', ['--', mountPoint], { timeoutMs: READ_TIMEOUT_MS })).exitCode === 0
}

/** What the signatures on a device say (blkid(8), low-level probing). */
export async function identifyContent(device: string, run: Run): Promise<DeviceContent> {
  const args = [
    '-p',
    '-o',
    'export',
    '-s',
    'TYPE',
    '-s',
    'PTTYPE',
    '-s',
    'UUID',
    '-s',
    'USAGE',
    device,
  ]
  const result = await run('blkid', args, { timeoutMs: READ_TIMEOUT_MS })
  // Exit 2 also means that the device cannot be read: the blank test, which reads, tells.
  if (result.exitCode === 2) return { kind: 'nothing' }
  if (result.exitCode === 8) return { kind: 'foreign', what: 'more than one signature at once' }
  if (result.exitCode !== 0) {
    throw new FailedPreconditionError({
      subject: device,
      problem: `cannot be identified: blkid says "${lastLine(result)}"`,
    })
  }
  const tags = new Map(result.stdout.split('\n').map((line) => split(line)))
  const type = tags.get('TYPE')
  if (type !== undefined && OURS.has(type) && !tags.has('PTTYPE')) {
    return { kind: 'file-system', fsType: type, uuid: tags.get('UUID') }
  }
  const found = type ?? tags.get('PTTYPE')
  if (found === undefined) return { kind: 'foreign', what: 'a signature without a name' }
  return {
    kind: 'foreign',
    what:
      NAMES[found] ??
      `${tags.get('USAGE') === 'filesystem' ? 'a file system of type ' : ''}${found}`,
  }
}

/** Looks for anything that is not zero; what it found and where, as a clause, or undefined where it found nothing. */
export async function findDataOn(
  device: string,
  test: BlankTest,
  run: Run,
): Promise<string | undefined> {
  const size = sizeInBytes(device)
  if (size !== test.sizeBytes) {
    throw new FailedPreconditionError({
      subject: `device ${device}`,
      problem: `has ${size} bytes where the platform says ${test.sizeBytes}`,
      remedy: 'wait until the platform has finished changing it, and try again',
    })
  }
  const parts = partsOf(device)
  if (parts !== undefined) return parts
  const ends = [0, Math.max(0, size - MIB)]
  const inEnds = await firstDifference(device, ends, MIB, run)
  if (inEnds !== undefined || !test.sampled) return inEnds
  const step =
    Math.max(1, Math.floor((size - SAMPLE_BYTES) / (SAMPLES - 1) / SAMPLE_BYTES)) * SAMPLE_BYTES
  const samples = Array.from({ length: SAMPLES }, (_, index) => index * step).filter(
    (at) => at + SAMPLE_BYTES <= size,
  )
  return await firstDifference(device, samples, SAMPLE_BYTES, run)
}

/** The size the kernel knows, in bytes; 0 for a device that is gone. */
export function sizeInBytes(device: string): number {
  try {
    return (
      Number(readFileSync(`/sys/class/block/${path.basename(device)}/size`, 'utf8')) * SECTOR_BYTES
    )
  } catch {
    return 0
  }
}

/** The kernel's sequence number of a disk (since 5.15), else its `major:minor`; undefined when it is gone or has no size. */
export function deviceIdentity(device: string): string | undefined {
  if (sizeInBytes(device) === 0) return undefined
  const folder = `/sys/class/block/${path.basename(device)}`
  const sequence = readText(`${folder}/diskseq`) ?? readText(`${folder}/../diskseq`)
  return sequence === undefined ? readText(`${folder}/dev`) : `diskseq ${sequence}`
}

/** The file of sysfs that shows an identity, and what stands there for as long as the name means that disk. */
export function identityFile(device: string, identity: string): readonly [string, string] {
  const folder = `/sys/class/block/${path.basename(device)}`
  const [kind = '', sequence] = identity.split(' ')
  if (sequence === undefined) return [`${folder}/dev`, kind]
  // A partition is of its disk.
  const own = `${folder}/diskseq`
  return [existsSync(own) ? own : `${folder}/../diskseq`, sequence]
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** What the kernel knows to be built on a device, as a clause: an md array, a device-mapper target, partitions. */
export function partsOf(device: string, sysfs = '/sys'): string | undefined {
  const folder = `${sysfs}/class/block/${path.basename(device)}`
  const holders = readdirSync(`${folder}/holders`)
  if (holders.length > 0) return `is used by ${holders.join(', ')}`
  const partitions = readdirSync(folder).filter((name) => name.startsWith(path.basename(device)))
  return partitions.length > 0 ? `has partitions (${partitions.join(', ')})` : undefined
}

/** cmp answers 0 for equal, 1 for a difference or an early end, 2 for trouble; the shell stops at the first that is not 0. */
const COMPARE =
  'd=$1 n=$2; shift 2; for o; do cmp -n "$n" -i "$o:0" "$d" /dev/zero || { echo "at $o"; exit 1; }; done'

async function firstDifference(
  device: string,
  offsets: readonly number[],
  length: number,
  run: Run,
): Promise<string | undefined> {
  const args = ['-c', COMPARE, 'sh', device, String(length), ...offsets.map(String)]
  const result = await run('sh', args, { timeoutMs: SAMPLES_TIMEOUT_MS })
  if (result.exitCode === 0) return undefined
  const block = Number(/^at (\d+)$/m.exec(result.stdout)?.[1] ?? Number.NaN)
  const within = /differ: (?:byte|char) (\d+)/.exec(result.stdout)?.[1]
  if (within === undefined) {
    throw new FailedPreconditionError({
      subject: `device ${device}`,
      problem: `cannot be read: ${result.stderr.trim()}`,
    })
  }
  return `has data at byte ${block + Number(within) - 1}`
}

function split(line: string): [string, string] {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}
