import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunBehindGate } from '../../../src/libstorage/run.ts'
import { growFileSystem } from '../../../src/mount/linux/growing.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld, unnoted } from '../../support/kernel-world.ts'

const MIB = 2 ** 20

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

describe.skipIf(!canMount)('what a file system leaves of its device (root)', () => {
  test.each(
    [
      ['ext2', 64],
      ['ext3', 64],
      ['ext4', 64],
      ['ext4', 1_031],
      ['xfs', 320],
      ['xfs', 1_031],
      ['btrfs', 320],
      ['btrfs', 1_031],
    ].filter(([fsType]) => has(`mkfs.${fsType}`)) as [string, number][],
  )('%s of %i MiB: nothing, until the device grows', async (fsType, sizeMiB) => {
    const device = await world.formatted(fsType, sizeMiB)
    expect(await world.mounter.unfilled(device, fsType)).toBe(0)
    const [file = ''] = (await tool('losetup', '-n', '-O', 'BACK-FILE', device)).trim().split('\n')
    await tool('truncate', '-s', `+${512}M`, file)
    await tool('losetup', '-c', device)
    const unfilled = await world.mounter.unfilled(device, fsType)
    expect(unfilled).toBeGreaterThanOrEqual(512 * MIB)
    expect(unfilled).toBeLessThan(528 * MIB)
  })

  test('of a device without that file system cannot be said', async () => {
    const device = await world.disk(64)
    for (const fsType of ['ext4', 'xfs', 'btrfs'])
      await expect(world.mounter.unfilled(device, fsType)).rejects.toThrow(
        `the ${fsType} file system on ${device} has no superblock that can be read`,
      )
  })
})

test.each([
  ['xfs', 'xfs_growfs', 'xfsprogs'],
  ['btrfs', 'btrfs', 'btrfs-progs'],
])(
  'growing %s without its tool is refused with the package that has it',
  async (fsType, command, name) => {
    const withoutTools: RunBehindGate = async () => ({ exitCode: 127, stdout: '', stderr: '' })
    const target = { device: '/dev/loop0', fsType, mountPoint: '/mnt' }
    await expect(growFileSystem(target, withoutTools, unnoted)).rejects.toThrow(
      `${command} is not installed on this machine, install the package ${name}`,
    )
  },
)

test('a growth that fails names what failed, neither the banner of resize2fs nor its advice', async () => {
  const stdout = [
    'resize2fs 1.47.0 (5-Feb-2023)',
    'resize2fs: Input/output error while trying to resize /dev/loop0',
    "Please run 'e2fsck -fy /dev/loop0' to fix the filesystem",
    'after the aborted resize operation.',
  ].join('\n')
  const failing: RunBehindGate = async () => ({ exitCode: 1, stdout, stderr: '' })
  const target = { device: '/dev/loop0', fsType: 'ext4' }
  await expect(growFileSystem(target, failing, unnoted)).rejects.toThrow(
    'was not grown: resize2fs says "resize2fs: Input/output error while trying to resize /dev/loop0"',
  )
  const killed: RunBehindGate = async () => ({
    exitCode: 137,
    stdout: 'resize2fs 1.47.0 (5-Feb-2023)\n',
    stderr: '',
  })
  await expect(growFileSystem(target, killed, unnoted)).rejects.toThrow(
    'was not grown: resize2fs says "exit status 137"',
  )
})
