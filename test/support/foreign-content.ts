import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lvmLabel, md0Superblock, md1Superblock, ntfsBlocks, zfsLabels } from './foreign-blocks.ts'
import { outcomeOf } from './machine.ts'

/** Something on a disk that Remora did not put there. */
export interface ForeignContent {
  /** What a reader of a test report knows it as. */
  readonly title: string
  /** What `blkid -p` says: its TYPE or PTTYPE; undefined where it finds nothing. */
  readonly blkid: string | undefined
  /** Words by which a refusal has to name it. */
  readonly named: RegExp
  /** Writes it into an existing sparse file of zeros of this size. */
  write(path: string, bytes: number): Promise<void>
}

const MIB = 2 ** 20

/** What must never be formatted, mounted or changed. */
export const refusedContents: readonly ForeignContent[] = [
  {
    title: 'a LUKS container',
    blkid: 'crypto_LUKS',
    named: /LUKS/i,
    write: (path) =>
      tool('cryptsetup', [
        ...['luksFormat', '--batch-mode', '--type', 'luks2', '--key-file', '-'],
        ...['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', path],
      ]),
  },
  blocks('an LVM physical volume', 'LVM2_member', /LVM/i, lvmLabel),
  blocks('a RAID member, metadata 0.90', 'linux_raid_member', /raid/i, md0Superblock),
  blocks('a RAID member, metadata 1.0', 'linux_raid_member', /raid/i, (bytes) =>
    md1Superblock(bytes, 'end'),
  ),
  blocks('a RAID member, metadata 1.2', 'linux_raid_member', /raid/i, (bytes) =>
    md1Superblock(bytes, 'start'),
  ),
  {
    title: 'a GPT partition table',
    blkid: 'gpt',
    named: /gpt|partition/i,
    write: (path) => tool('sfdisk', ['-q', path], 'label: gpt\nstart=2048, size=65536\n'),
  },
  {
    title: 'an MBR partition table',
    blkid: 'dos',
    named: /\bdos\b|mbr|partition/i,
    write: (path) => tool('sfdisk', ['-q', path], 'label: dos\nstart=2048, size=65536\n'),
  },
  {
    title: 'swap space',
    blkid: 'swap',
    named: /swap/i,
    write: (path) => tool('mkswap', ['-q', path]),
  },
  blocks('a ZFS pool member', 'zfs_member', /zfs/i, zfsLabels),
  blocks('an NTFS file system', 'ntfs', /ntfs/i, ntfsBlocks),
  {
    title: 'a FAT file system',
    blkid: 'vfat',
    named: /fat/i,
    write: (path) => tool('mkfs.vfat', ['-F', '32', path]),
  },
  blocks('unknown data at the very start', undefined, /data/i, () => [[4096, unknownData()]]),
  blocks('unknown data at the very end', undefined, /data/i, (bytes) => [
    [bytes - 4096, unknownData()],
  ]),
]

/** File systems that are mounted as what they are, each with a file `hello` that holds `from afar`. */
export const mountedContents: readonly ForeignContent[] = [
  ...['ext2', 'ext3'].map((type) => ({
    title: `an ${type} file system`,
    blkid: type,
    named: new RegExp(type),
    write: (path: string) =>
      withFolder((folder) => tool(`mkfs.${type}`, ['-q', '-F', '-d', folder, path])),
  })),
  {
    title: 'an xfs file system',
    blkid: 'xfs',
    named: /xfs/,
    write: (path) =>
      withFolder((folder) => {
        const prototype = join(folder, 'prototype')
        writeFileSync(prototype, `/\n0 0\nd--755 0 0\nhello ---644 0 0 ${folder}/hello\n$\n`)
        return tool('mkfs.xfs', ['-q', '-f', '-p', prototype, path])
      }),
  },
  {
    title: 'a btrfs file system',
    blkid: 'btrfs',
    named: /btrfs/,
    write: (path) => withFolder((folder) => tool('mkfs.btrfs', ['-q', '--rootdir', folder, path])),
  },
]

/** Makes a sparse file of this size that holds the content. */
export async function makeForeign(
  content: ForeignContent,
  path: string,
  bytes: number,
): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(bytes)
  await file.close()
  await content.write(path, bytes)
}

function blocks(
  title: string,
  blkid: string | undefined,
  named: RegExp,
  make: (bytes: number) => readonly (readonly [offset: number, block: Buffer])[],
): ForeignContent {
  return {
    title,
    blkid,
    named,
    async write(path, bytes) {
      const file = await open(path, 'r+')
      try {
        for (const [offset, block] of make(bytes)) await writeAt(file, block, offset)
      } finally {
        await file.close()
      }
    },
  }
}

async function writeAt(file: FileHandle, block: Buffer, offset: number): Promise<void> {
  await file.write(block, 0, block.length, offset)
}

/** What no tool knows and nobody may lose: a kilobyte of text, well inside the first or the last MiB. */
function unknownData(): Buffer {
  return Buffer.from('a kilobyte that somebody needs. '.repeat(32)).subarray(0, MIB / 1024)
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-content-'))
  try {
    writeFileSync(join(folder, 'hello'), 'from afar')
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function tool(command: string, args: readonly string[], input = 'secret'): Promise<void> {
  const child = spawn(command, args)
  child.stdin.end(input)
  const { status, stderr } = await outcomeOf(child)
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
}
