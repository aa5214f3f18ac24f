import { writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findUsers } from '../../../src/mount/linux/users.ts'
import { canMount, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

const inFolder = (at: string) =>
  world.program('sh', '-c', 'cd "$1"; echo ready; read -r end', 'sh', at)

describe('who uses a mount point', () => {
  test('is nobody where nobody does, also where the name of another one begins alike', async () => {
    await inFolder(world.folder('database'))
    expect(await world.mounter.users(world.folder('data'), undefined)).toEqual([])
  })

  test('are those that stand there or have a file open beneath it, by pid and name', async () => {
    const at = world.folder('data')
    world.folder('data', 'deep')
    writeFileSync(world.path('data', 'deep', 'file'), '')
    const open = 'exec 9<"$1/deep/file"; echo ready; read -r end'
    const pids = [await inFolder(at), await world.program('sh', '-c', open, 'sh', at)]
    const named = pids.map((pid) => `pid ${pid} (sh)`)
    expect([...(await world.mounter.users(at, undefined))].sort()).toEqual(named.sort())
  })

  test('are at most five of many', async () => {
    const at = world.folder('data')
    for (let count = 0; count < 7; count++) await inFolder(at)
    expect(await world.mounter.users(at, undefined)).toHaveLength(5)
  })
})

describe.skipIf(!canMount)('who uses a device (root)', () => {
  test('are those of another mount namespace where it is mounted', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'mnt')
    const pid = await world.container()
    await tool('umount', at)
    expect(await world.mounter.users(at, world.mounter.deviceNumber(device))).toEqual([
      `pid ${pid} (sh)`,
    ])
  })

  test('are those that have it open', async () => {
    const device = await world.disk(16)
    const pid = await world.program(
      'sh',
      '-c',
      'exec 9<"$1"; echo ready; read -r end',
      'sh',
      device,
    )
    const another = await world.disk(16)
    expect(findUsers('/nowhere', world.mounter.deviceNumber(device))).toEqual([`pid ${pid} (sh)`])
    expect(findUsers('/nowhere', world.mounter.deviceNumber(another))).toEqual([])
  })
})

test('who uses a device are also those that the kernel builds on it, a device-mapper target or an md array', async () => {
  const sysfs = world.folder('sys')
  world.folder('sys', 'dev/block/259:4095/holders', 'dm-3')
  world.folder('sys', 'dev/block/259:4095/holders', 'md127')
  const users = findUsers(world.folder('data'), '259:4095', sysfs)
  expect(users.toSorted()).toEqual(['/dev/dm-3', '/dev/md127'])
  expect(findUsers(world.folder('data'), '259:4094', sysfs)).toEqual([])
})

describe.skipIf(!canMount)('how full a file system is (root)', () => {
  test('is told in bytes, and grows with what is written', async () => {
    const at = await world.mount(await world.formatted('ext4', 64, '-m', '0'), 'mnt')
    const before = await world.mounter.usage(at)
    writeFileSync(`${at}/file`, Buffer.alloc(8 << 20, 1))
    const after = await world.mounter.usage(at)
    expect(after.usedBytes - before.usedBytes).toBeGreaterThanOrEqual(8 << 20)
    expect(before.freeBytes - after.freeBytes).toBeGreaterThanOrEqual(8 << 20)
    expect(after.usedBytes + after.freeBytes).toBeLessThanOrEqual(64 << 20)
  })

  test('is not told of what is not there', async () => {
    const nowhere = world.path('nowhere')
    await expect(world.mounter.usage(nowhere)).rejects.toThrow(
      new RegExp(`^${nowhere} cannot be measured: .*No such file or directory`),
    )
  })
})
