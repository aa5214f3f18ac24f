import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { poll } from '../../../src/libstorage/wait.ts'
import { canMount, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

describe.skipIf(!canMount)('an exclusive open (root)', () => {
  let world: KernelWorld
  beforeEach(() => {
    world = new KernelWorld()
  })
  afterEach(() => world.end())

  const becomesFree = (device: string) =>
    poll(async () => (await world.mounter.exclusiveOpen(device)) === 'free' || undefined, {
      intervalMs: 20,
      timeoutMs: 5_000,
    })

  test('succeeds on a device that nobody uses, and leaves it unused', async () => {
    const device = await world.disk(16)
    expect(await world.mounter.exclusiveOpen(device)).toBe('free')
    await tool('mkfs.ext4', '-q', device)
    expect(await world.mounter.exclusiveOpen(device)).toBe('free')
  })

  test('is refused while the device is mounted', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'mnt')
    expect(await world.mounter.exclusiveOpen(device)).toBe('held')
    await tool('umount', at)
    expect(await becomesFree(device)).toBe(true)
  })

  test('is refused while only another mount namespace has it mounted', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'mnt', '-o', 'noatime')
    const pid = await world.container()
    await tool('umount', at)
    expect(world.mounter.mounts().some(({ mountPoint }) => mountPoint === at)).toBe(false)
    expect(await world.mounter.exclusiveOpen(device)).toBe('held')
    process.kill(pid, 'SIGKILL')
    expect(await becomesFree(device)).toBe(true)
  })

  test('is refused while a file of a lazily unmounted file system is open', async () => {
    const device = await world.formatted('ext4', 16)
    const at = await world.mount(device, 'mnt')
    await world.program('sh', '-c', 'exec >&1 9>"$1/file"; echo ready; read -r end', 'sh', at)
    await tool('umount', '-l', at)
    expect(await world.mounter.exclusiveOpen(device)).toBe('held')
  })

  test('of a device that is not there says so', async () => {
    await expect(world.mounter.exclusiveOpen('/dev/no-such-device')).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: 'device /dev/no-such-device not found',
    })
  })
})
