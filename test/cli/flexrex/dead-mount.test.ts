import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isDead } from '../../../src/cli/flexrex/dead-mount.ts'
import { mountAt } from '../../../src/cli/flexrex/pod-mounts.ts'
import { run } from '../../../src/libstorage/run.ts'
import { canMount, DiskWorld, has, tool } from '../../support/disk-world.ts'

const isDeadAt = async (folder: string) => {
  const mount = mountAt(folder)
  return mount === undefined ? undefined : await isDead(mount, run)
}

describe.skipIf(!canMount)('a mount', () => {
  let world: DiskWorld
  beforeEach(() => {
    world = new DiskWorld()
  })
  afterEach(() => world.end())

  test.each([
    ['ext4', 16],
    ['xfs', 320],
    ['btrfs', 128],
  ] as const)(
    'of %s is alive, also where it may only be read, until its disk is pulled',
    async (fsType, sizeMiB) => {
      const device = await world.formatted(fsType, sizeMiB)
      const folder = await world.mount(device, 'pod')
      expect(await isDeadAt(folder)).toBe(false)
      await tool('mount', '-o', 'remount,bind,ro', folder)
      expect(await isDeadAt(folder)).toBe(false)
      await world.pull(device)
      expect(await isDeadAt(folder)).toBe(true)
    },
  )

  test.skipIf(!has('mkfs.xfs', 'xfs_io'))(
    'of a file system that has shut down is dead',
    async () => {
      const folder = await world.mount(await world.formatted('xfs', 320), 'pod')
      await tool('xfs_io', '-x', '-c', 'shutdown', folder)
      expect(await isDeadAt(folder)).toBe(true)
    },
  )

  test('without a disk of its own is alive, and none where nothing is mounted', async () => {
    const folder = world.folder('pod')
    expect(await isDeadAt(folder)).toBeUndefined()
    await tool('mount', '-t', 'tmpfs', 'tmpfs', folder)
    expect(await isDeadAt(folder)).toBe(false)
  })
})

test.each([
  ['ext4', '/dev/nosuch0', '259:1048575'],
  ['btrfs', '/dev/nosuch0', '0:77'],
])('of %s is dead once the kernel has no such disk any more', async (fsType, source, number) => {
  const mount = { mountPoint: '/', deviceNumber: number, source, fsType, failedReadOnly: false }
  expect(await isDead(mount, run)).toBe(true)
})
