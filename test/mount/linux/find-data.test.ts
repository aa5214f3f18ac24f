import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { partsOf, sizeInBytes } from '../../../src/mount/linux/device.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

const MIB = 1_048_576
const SIZE_MIB = 256
const sizeBytes = SIZE_MIB * MIB

describe.skipIf(!canMount)('the blank test (root)', () => {
  let world: KernelWorld
  let image: string
  let device: string
  beforeEach(async () => {
    world = new KernelWorld()
    image = world.image(SIZE_MIB)
    device = await world.disk(image)
  })
  afterEach(() => world.end())

  const look = (sampled = false) => world.mounter.findData(device, { sizeBytes, sampled })

  function writeByte(at: number): void {
    execFileSync('dd', [`of=${device}`, 'bs=1', `seek=${at}`, 'conv=notrunc', 'status=none'], {
      input: 'x',
    })
  }

  test('finds nothing on zeros', async () => {
    expect(await look()).toBeUndefined()
    expect(await look(true)).toBeUndefined()
  })

  test.each([
    ['the first byte', 0],
    ['the last of the first MiB', MIB - 1],
    ['the first of the last MiB', sizeBytes - MIB],
    ['the last byte', sizeBytes - 1],
  ])('finds one byte at the ends, and says where: %s', async (_title, at) => {
    writeByte(at)
    expect(await look()).toBe(`has data at byte ${at}`)
    expect(await look(true)).toBe(`has data at byte ${at}`)
  })

  test('finds what lies in between only by samples, which a volume of somebody else needs', async () => {
    const at = sizeBytes / 2
    writeByte(at)
    expect(await look()).toBeUndefined()
    expect(await look(true)).toBe(`has data at byte ${at}`)
  })

  test('finds the nearest to the start of many', async () => {
    writeByte(sizeBytes - 1)
    writeByte(4_096)
    expect(await look()).toBe('has data at byte 4096')
  })

  test.skipIf(!has('addpart'))('finds a partition that the kernel knows of', async () => {
    await tool('losetup', '-d', device)
    const scanned = await tool('losetup', '--find', '--show', '--partscan', '--', image)
    world.atEnd(() => tool('losetup', '-d', scanned))
    await tool('addpart', scanned, '1', '2048', '2048')
    const part = `${path.basename(scanned)}p1`
    expect(await world.mounter.findData(scanned, { sizeBytes, sampled: false })).toBe(
      `has partitions (${part})`,
    )
  })

  test('finds what the kernel has built on the device, of which no byte of it tells', () => {
    const name = path.basename(device)
    const sysfs = world.folder('sys')
    const holders = world.folder('sys', 'class/block', name, 'holders')
    expect(partsOf(device, sysfs)).toBeUndefined()
    mkdirSync(path.join(holders, 'dm-3'))
    expect(partsOf(device, sysfs)).toBe('is used by dm-3')
  })

  test('judges no device whose size is not the one that the platform says', async () => {
    await expect(
      world.mounter.findData(device, { sizeBytes: sizeBytes * 2, sampled: false }),
    ).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `device ${device} has ${sizeBytes} bytes where the platform says ${sizeBytes * 2}, wait until the platform has finished changing it, and try again`,
    })
  })

  test('judges no device that cannot be read, whatever blkid says of it', async () => {
    world.kill(image)
    await tool('blockdev', '--flushbufs', device)
    expect(await world.mounter.identify(device)).toEqual({ kind: 'nothing' })
    await expect(look()).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: expect.stringContaining(`device ${device} cannot be read: `),
    })
  })

  test('judges no device that is gone', async () => {
    const gone = '/dev/no-such-device'
    await expect(world.mounter.findData(gone, { sizeBytes, sampled: false })).rejects.toThrow(
      'device /dev/no-such-device has 0 bytes',
    )
  })

  describe('whether the disk itself answers', () => {
    test('is seen by a read past the cache: a cached read of a dead disk succeeds', async () => {
      await world.program('sh', '-c', 'exec 9<"$1"; echo ready; read -r end', 'sh', device)
      await tool('dd', `if=${device}`, 'of=/dev/null', 'bs=1M', 'count=1', 'status=none')
      expect(await world.mounter.answers(device)).toBe(true)
      world.kill(image)
      await tool('dd', `if=${device}`, 'of=/dev/null', 'bs=4096', 'count=1', 'status=none')
      expect(await world.mounter.answers(device)).toBe(false)
    })

    test.skipIf(!has('perl'))('is no for a disk that was pulled, mounted or not', async () => {
      await tool('mkfs.ext4', '-q', device)
      await world.mount(device, 'mnt')
      await world.pull(device)
      expect(sizeInBytes(device)).toBe(0)
      expect(await world.mounter.answers(device)).toBe(false)
      expect(await world.mounter.exclusiveOpen(device)).toBe('held')
    })

    test('is no for a device that is not there', async () => {
      expect(await world.mounter.answers('/dev/no-such-device')).toBe(false)
    })
  })
})
