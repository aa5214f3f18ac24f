import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PODMAN_HOLDER } from '../../src/mount/references.ts'
import { leavingDuringMount, MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const holders = () =>
  world
    .ledger()
    .all()[0]
    ?.references.map(({ id }) => id)

describe('mount and unmount', () => {
  test('formats a blank volume once, and finds its file system ever after', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    expect(await mounted(manager, 'data', 'a')).toBe('/mnt/data/data')
    await manager.unmount({ name: 'data', holder: 'a' })
    await mounted(manager, 'data', 'b')
    expect(world.kernel.effects.filter((effect) => effect.startsWith('mkfs'))).toHaveLength(1)
    expect(world.kernel.effects.filter((effect) => effect.startsWith('check'))).toHaveLength(1)
  })

  test('a warm Mount makes no call to the platform', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const before = world.platform.calls.filter(({ call }) => call !== 'device').length
    await mounted(manager, 'data', 'b')
    expect(world.platform.calls.filter(({ call }) => call !== 'device').length).toBe(before)
  })

  test('counts per holder: docker cp mounts once more with the id of a running container', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(true)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(false)
    expect(world.platform.volumes()[0]?.attachments).toEqual([])
  })

  test.each(['', PODMAN_HOLDER])(
    'the id %j is one reference however often it comes',
    async (holder) => {
      const manager = world.manager()
      await manager.create('data', {})
      await mounted(manager, 'data', holder)
      await mounted(manager, 'data', holder)
      await manager.unmount({ name: 'data', holder })
      expect(world.isMounted('data')).toBe(false)
    },
  )

  test('an Unmount with an unknown id succeeds and changes nothing', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'stranger' })
    expect(world.isMounted('data')).toBe(true)
  })

  test('ignoreUsedCount: the first Unmount drops all references', async () => {
    const manager = world.manager('server', {
      unmount: { ignoreUsedCount: true, detachDelayMs: 0 },
    })
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await mounted(manager, 'data', 'b')
    await manager.unmount({ name: 'data', holder: 'whoever' })
    expect(world.isMounted('data')).toBe(false)
  })

  test('references outlive the process: the next one unmounts when the last leaves', async () => {
    const first = world.manager()
    await first.create('data', {})
    await mounted(first, 'data', 'a')
    await mounted(first, 'data', 'b')
    await first.close()
    const second = world.manager()
    second.start()
    await second.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(true)
    await second.unmount({ name: 'data', holder: 'b' })
    expect(world.isMounted('data')).toBe(false)
  })

  test('a device that others hold stays attached until they let go, and a Mount cancels the release', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    world.kernel.heldByOthers.add('/dev/memory0')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.platform.volumes()[0]?.attachments).toHaveLength(1)
    const effects = world.kernel.effects.length
    await mounted(manager, 'data', 'b')
    expect(world.kernel.effects.slice(effects)).toEqual(['mount /dev/memory0'])
  })

  test('a file that is open on the host keeps the volume mounted, and Unmount succeeds', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    world.kernel.busy.add('/mnt/data')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(true)
    await expect(manager.remove('data')).rejects.toThrow('pid 4711 (postgres)')
    world.kernel.busy.clear()
    await manager.remove('data')
    expect(world.platform.volumes()).toEqual([])
  })

  test('a volume attached elsewhere is refused with the holder, and is not touched', async () => {
    const manager = world.manager()
    const volume = world.platform.add({ name: 'data' })
    world.platform.attachByHand(volume.id, 'i-other')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow(
      /volume "data" is attached to i-other since .* \(which runs\), stop what uses it there/,
    )
    expect(world.platform.volumes()[0]?.attachments[0]?.instanceId).toBe('i-other')
  })

  test.each([
    [
      'foreign content',
      { kind: 'foreign', what: 'a LUKS container' } as const,
      /holds a LUKS container/,
    ],
    [
      'half a file system',
      { kind: 'half' } as const,
      /has data at byte 1024 but no known file system/,
    ],
  ])(
    '%s is refused, nothing is written, and the volume is let go again',
    async (_title, content, message) => {
      const manager = world.manager()
      const volume = world.platform.add({ name: 'data' })
      world.disks.write(volume.id, content)
      await expect(mounted(manager, 'data', 'a')).rejects.toThrow(message)
      expect(world.kernel.effects).toEqual([])
      expect(world.platform.volumes()[0]?.attachments).toEqual([])
    },
  )

  test('whoever goes away while the volume is brought up loses the reference only', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await leavingDuringMount(world, manager, 'data', 'a')
    await mounted(manager, 'data', 'b')
    expect(holders()).toEqual(['b'])
  })

  test('a reference whose reply did not arrive is taken back', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    const first = await manager.mount({ name: 'data', holder: 'a' })
    first.undelivered()
    await mounted(manager, 'data', 'b')
    expect(holders()).toEqual(['b'])
  })

  test('an Unmount whose caller left while it waited is done all the same', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const others = ['b', 'c', 'd'].map((holder) => mounted(manager, 'data', holder))
    const signal = AbortSignal.abort()
    await manager.unmount({ name: 'data', holder: 'a' }, { signal }).catch(() => {})
    await Promise.all(others)
    await expect
      .poll(() =>
        world
          .ledger()
          .all()[0]
          ?.references.map(({ id }) => id)
          .sort(),
      )
      .toEqual(['b', 'c', 'd'])
  })

  test('a mount of somebody else on top of ours is theirs to take away, and then ours goes', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const other = world.platform.add({ name: 'other' })
    world.disks.write(other.id, { kind: 'file-system', fsType: 'xfs', uuid: 'u' })
    world.platform.attachByHand(other.id, 'here')
    await world.kernel.mount({ device: '/dev/memory1' }, '/mnt/data', 'xfs')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.kernel.mounts()).toHaveLength(2)
    await world.kernel.unmount('/mnt/data')
    await expect.poll(() => world.kernel.mounts()).toEqual([])
  })

  test('a volume that is named like the id of another is never that other', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const id = world.platform.volumes()[0]?.id ?? ''
    world.platform.add({ name: id })
    expect((await manager.get(id)).volume.name).toBe(id)
    expect(await mounted(manager, id, 'b')).not.toBe('/mnt/data/data')
  })
})
