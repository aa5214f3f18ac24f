import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'

/** A disk that does not answer within this time is called hung. */
const READ_TIMEOUT_MS = 10_000

/** What the superblock of a file system says of it. */
export interface Superblock {
  /** How much of its device the file system fills. */
  readonly sizeBytes: number
  /** Whether what was synced last stands only in a log that the next mount replays; known of btrfs. */
  readonly hasLog: boolean
  /** Over how many devices it is spread. */
  readonly devices: number
}

interface Layout {
  /** Where on the device the first copy lies, and how much of it is read. */
  readonly at: number
  readonly length: number
  readonly magicAt: number
  /** As Latin-1. */
  readonly magic: string
  read(bytes: Buffer): Superblock
}

/** linux: fs/ext4/ext4.h, struct ext4_super_block; the upper half of the count only with the feature 64bit. */
const EXT: Layout = {
  at: 1_024,
  length: 512,
  magicAt: 0x38,
  magic: '\x53\xef',
  read(bytes) {
    const isLong = (bytes.readUInt32LE(0x60) & 0x80) !== 0
    const blocks = bytes.readUInt32LE(0x04) + (isLong ? bytes.readUInt32LE(0x150) * 2 ** 32 : 0)
    return { sizeBytes: blocks * 1_024 * 2 ** bytes.readUInt32LE(0x18), hasLog: false, devices: 1 }
  },
}

/** linux: fs/xfs/libxfs/xfs_format.h, struct xfs_dsb. */
const XFS: Layout = {
  at: 0,
  length: 512,
  magicAt: 0,
  magic: 'XFSB',
  read: (bytes) => ({
    sizeBytes: Number(bytes.readBigUInt64BE(8)) * bytes.readUInt32BE(4),
    hasLog: false,
    devices: 1,
  }),
}

/** linux: include/uapi/linux/btrfs_tree.h, struct btrfs_super_block; the size is that of this device alone. */
const BTRFS: Layout = {
  at: 65_536,
  length: 512,
  magicAt: 0x40,
  magic: '_BHRfS_M',
  read: (bytes) => ({
    sizeBytes: Number(bytes.readBigUInt64LE(0xd1)),
    hasLog: bytes.readBigUInt64LE(0x60) !== 0n,
    devices: Number(bytes.readBigUInt64LE(0x88)),
  }),
}

/** Reads the superblock by one child of a few milliseconds. Rejects with `FailedPreconditionError` where there is none. */
export async function readSuperblock(
  device: string,
  fsType: string,
  run: Run,
): Promise<Superblock> {
  const layout = fsType === 'xfs' ? XFS : fsType === 'btrfs' ? BTRFS : EXT
  const place = ['-j', String(layout.at), '-N', String(layout.length)]
  const result = await run('od', ['-An', '-v', '-tx1', ...place, '--', device], {
    timeoutMs: READ_TIMEOUT_MS,
  })
  const bytes = Buffer.from(result.stdout.replace(/\s/g, ''), 'hex')
  const magic = bytes.toString('latin1', layout.magicAt, layout.magicAt + layout.magic.length)
  if (result.exitCode === 0 && bytes.length === layout.length && magic === layout.magic)
    return layout.read(bytes)
  throw new FailedPreconditionError({
    subject: `the ${fsType} file system on ${device}`,
    problem: `has no superblock that can be read${result.exitCode === 0 ? '' : ` (${lastLine(result)})`}`,
  })
}
