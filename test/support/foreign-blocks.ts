/** A block and where on the disk it lies, in bytes. */
export type Placed = readonly [offset: number, block: Buffer]

const KIB = 1024
const SECTOR = 512

/** An LVM2 label in the second sector (lvm2, lib/label/label.h), with the checksum that blkid verifies. */
export function lvmLabel(): Placed[] {
  const sector = Buffer.alloc(SECTOR)
  sector.write('LABELONE', 0, 'latin1')
  sector.writeBigUInt64LE(1n, 8)
  sector.writeUInt32LE(32, 20)
  sector.write('LVM2 001', 24, 'latin1')
  sector.write('0123456789abcdefghijklmnopqrstuv', 32, 'latin1')
  sector.writeUInt32LE(lvmCrc(sector.subarray(20)), 16)
  return [[SECTOR, sector]]
}

/** A RAID superblock of version 0.90 in the last whole 64 KiB but one (linux/raid/md_p.h). */
export function md0Superblock(bytes: number): Placed[] {
  const block = Buffer.alloc(4 * KIB)
  const words = [0xa92b4efc, 0, 90, 0, 0, 0xdecade, 1_700_000_000, 1, bytes / KIB - 128, 2, 2]
  for (const [index, word] of words.entries()) block.writeUInt32LE(word, index * 4)
  return [[Math.floor(bytes / (64 * KIB)) * 64 * KIB - 64 * KIB, block]]
}

/** A RAID superblock of version 1.0 (near the end) or 1.2 (4 KiB from the start) (linux/raid/md_p.h). */
export function md1Superblock(bytes: number, place: 'start' | 'end'): Placed[] {
  const offset = place === 'start' ? 4 * KIB : Math.floor((bytes - 8 * KIB) / (4 * KIB)) * 4 * KIB
  const block = Buffer.alloc(256 + 2 * 2)
  block.writeUInt32LE(0xa92b4efc, 0)
  block.writeUInt32LE(1, 4)
  block.write('remora-test-set.', 16, 'latin1')
  block.writeInt32LE(1, 72)
  block.writeBigUInt64LE(BigInt(bytes / SECTOR), 80)
  block.writeUInt32LE(2, 92)
  block.writeBigUInt64LE(2048n, 128)
  block.writeBigUInt64LE(BigInt(bytes / SECTOR - 2048), 136)
  block.writeBigUInt64LE(BigInt(offset / SECTOR), 144)
  block.writeUInt32LE(2, 220)
  block.writeUInt32LE(md1Checksum(block), 216)
  return [[offset, block]]
}

/** Uberblocks in all four labels of a ZFS member: 128 KiB into each label of 256 KiB, two at either end. */
export function zfsLabels(bytes: number): Placed[] {
  const uberblock = Buffer.alloc(40)
  uberblock.writeBigUInt64LE(0x00bab10cn, 0)
  uberblock.writeBigUInt64LE(5000n, 8)
  const label = 256 * KIB
  return [0, label, bytes - 2 * label, bytes - label].flatMap((start) =>
    [0, 1, 2, 3].map((index): Placed => [start + 128 * KIB + index * KIB, uberblock]),
  )
}

/** An NTFS boot sector with the two records of its master file table that blkid reads. */
export function ntfsBlocks(bytes: number): Placed[] {
  const clusterBytes = 8 * SECTOR
  const tableCluster = 4
  const boot = Buffer.alloc(SECTOR)
  boot.write('\xebR\x90NTFS    ', 0, 'latin1')
  boot.writeUInt16LE(SECTOR, 11)
  boot.writeUInt8(8, 13)
  boot.writeUInt8(0xf8, 21)
  boot.writeBigUInt64LE(BigInt(bytes / SECTOR - 1), 40)
  boot.writeBigUInt64LE(BigInt(tableCluster), 48)
  boot.writeBigUInt64LE(8n, 56)
  boot.writeInt8(-10, 64)
  boot.writeBigUInt64LE(0x1234_5678_9abc_def0n, 72)
  boot.writeUInt16LE(0xaa55, 510)
  const table = tableCluster * clusterBytes
  return [[0, boot], ...[0, 3].map((record): Placed => [table + record * KIB, fileRecord()])]
}

/** A record without attributes: `FILE`, and the end mark where the attributes would begin. */
function fileRecord(): Buffer {
  const record = Buffer.alloc(KIB)
  record.write('FILE', 0, 'latin1')
  record.writeUInt16LE(56, 20)
  record.writeUInt32LE(64, 24)
  record.writeUInt32LE(KIB, 28)
  record.writeUInt32LE(0xffff_ffff, 56)
  return record
}

/** lvm2's own CRC-32: the usual polynomial, another start, and no inversion at the end. */
function lvmCrc(bytes: Buffer): number {
  let crc = 0xf597_a6cf
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0)
  }
  return crc >>> 0
}

/** The sum of all 32-bit words without the checksum itself, folded once. */
function md1Checksum(block: Buffer): number {
  let sum = 0n
  for (let at = 0; at < block.length; at += 4) {
    if (at !== 216) sum += BigInt(block.readUInt32LE(at))
  }
  return Number(((sum & 0xffff_ffffn) + (sum >> 32n)) & 0xffff_ffffn)
}
