import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { leavingDuringMount, MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
import { timePasses } from '../support/passing-time.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.end()
})

const references = () => world.ledger().all()[0]?.references ?? []
const attachments = () => world.platform.volumes()[0]?.attachments ?? []

const isCheck = ({ kind }: VolumeEvent) => kind === 'checked'

const pass = (ms: number) => timePasses(world, ms)

test('what was brought up for a caller that has gone is kept for 60 s, and released then', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await leavingDuringMount(world, manager, 'data', 'a')
  await eventually(() => expect(world.isMounted('data')).toBe(true))
  await pass(59_000)
  expect(world.isMounted('data')).toBe(true)
  await pass(1_000)
  await eventually(() => expect(attachments()).toEqual([]))
  expect(world.isMounted('data')).toBe(false)
})

describe('a reference whose answer may never have arrived, after a crash,', () => {
  async function restarted(): Promise<void> {
    const before = world.manager()
    await before.create('data', {})
    await before.mount({ name: 'data', holder: 'a' })
    await before.close()
    world.manager().start()
    await pass(0)
    expect(references()).toMatchObject([{ id: 'a', doubtedSince: expect.any(String) }])
  }

  test('is dropped after 120 s where nobody holds the device', async () => {
    await restarted()
    await pass(119_000)
    expect(references()).toHaveLength(1)
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
    expect(references()).toEqual([])
  })

  test('is tried again where the platform does not answer then, and the volume is at its place meanwhile', async () => {
    await restarted()
    const isOut = new UnavailableError({ subject: 'platform', problem: 'is out' })
    world.platform.failNext('detachVolume', isOut)
    await pass(120_000)
    await eventually(() => expect(world.platform.count('detachVolume')).toBe(1))
    await eventually(() => expect(world.ledger().all()[0]?.mount?.complete).toBe(true))
    expect([attachments().length, world.isMounted('data')]).toEqual([1, true])
    await pass(120_000)
    await eventually(() => expect(attachments()).toEqual([]))
    await eventually(() => expect(world.ledger().all()).toEqual([]))
  })

  test('whose volume cannot be mounted again by its trial is tried again, and then it is at its place', async () => {
    await restarted()
    world.kernel.heldByOthers.add('/dev/memory0')
    world.kernel.before = async (effect) => {
      if (!effect.startsWith('mount')) return
      world.kernel.before = async () => {}
      throw new UnavailableError({ subject: 'mount', problem: 'has hung' })
    }
    await pass(120_000)
    await eventually(() => expect(world.warnings.join()).toContain('has hung'))
    expect(world.isMounted('data')).toBe(false)
    await pass(120_000)
    await eventually(() => expect(references()[0]).not.toHaveProperty('doubtedSince'))
    expect(world.isMounted('data')).toBe(true)
  })

  test('is kept after 120 s where somebody holds the device', async () => {
    await restarted()
    world.kernel.heldByOthers.add('/dev/memory0')
    await pass(120_000)
    await eventually(() => expect(references()[0]).not.toHaveProperty('doubtedSince'))
    await pass(120_000)
    expect(references()).toMatchObject([{ id: 'a' }])
    expect(world.isMounted('data')).toBe(true)
  })
})

describe('a volume in which a process of the host has a file open', () => {
  test('is released when that process has let go, which is tried every second', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    world.kernel.busy.add('/mnt/data')
    await manager.unmount({ name: 'data', holder: 'a' })
    await pass(1_000)
    expect(world.isMounted('data')).toBe(true)
    world.kernel.busy.clear()
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('stays where a Mount comes in between', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    world.kernel.busy.add('/mnt/data')
    await manager.unmount({ name: 'data', holder: 'a' })
    await mounted(manager, 'data', 'b')
    world.kernel.busy.clear()
    await pass(60_000)
    expect([attachments().length, world.isMounted('data')]).toEqual([1, true])
  })
})

describe.each([0, 2_000])('with ignoreUsedCount (and a detachDelay of %d ms)', (detachDelayMs) => {
  const DEVICE = '/dev/memory0'
  const unmount = { ignoreUsedCount: true, detachDelayMs }

  /** A volume of two containers, of which one has it still, after the Unmount of the other. */
  async function unmountedOnce(): Promise<MountManager> {
    const manager = world.manager('server', { unmount })
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await mounted(manager, 'data', 'b')
    world.kernel.heldByOthers.add(DEVICE)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect([world.isMounted('data'), references()]).toEqual([false, []])
    await pass(detachDelayMs)
    return manager
  }

  test('the device of a volume is detached once no container holds it, which is tried every second', async () => {
    await unmountedOnce()
    await pass(60_000)
    expect([attachments().length, world.platform.count('detachVolume')]).toEqual([1, 0])
    world.kernel.heldByOthers.clear()
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('the Unmount of the last container changes nothing more', async () => {
    const manager = await unmountedOnce()
    await manager.unmount({ name: 'data', holder: 'b' })
    expect([attachments().length, world.platform.count('detachVolume')]).toEqual([1, 0])
    world.kernel.heldByOthers.clear()
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('a Mount in between cancels the detach, and joins what the container has', async () => {
    const manager = await unmountedOnce()
    await pass(1_000)
    await mounted(manager, 'data', 'c')
    world.kernel.heldByOthers.clear()
    await pass(60_000)
    expect([attachments().length, world.isMounted('data')]).toEqual([1, true])
    expect(references()).toMatchObject([{ id: 'c', count: 1 }])
    expect([world.platform.count('attachVolume'), world.events.filter(isCheck)]).toEqual([1, []])
  })

  test('a server that starts meanwhile detaches it when it is free, unless a Mount comes', async () => {
    await (await unmountedOnce()).close()
    const next = world.manager('server', { unmount })
    next.start()
    await pass(1_000)
    expect(attachments()).toHaveLength(1)
    await mounted(next, 'data', 'c')
    world.kernel.heldByOthers.clear()
    await pass(60_000)
    expect([attachments().length, world.isMounted('data')]).toEqual([1, true])
    await next.unmount({ name: 'data', holder: 'c' })
    await pass(detachDelayMs)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('an open file of the host keeps it mounted until that is closed, unless a Mount comes', async () => {
    const manager = world.manager('server', { unmount })
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await mounted(manager, 'data', 'b')
    world.kernel.busy.add('/mnt/data')
    await manager.unmount({ name: 'data', holder: 'b' })
    await pass(2_000)
    expect([world.isMounted('data'), references()]).toEqual([true, []])
    await mounted(manager, 'data', 'c')
    world.kernel.busy.clear()
    await pass(60_000)
    expect([world.isMounted('data'), references().length]).toEqual([true, 1])
    world.kernel.busy.add('/mnt/data')
    await manager.unmount({ name: 'data', holder: 'c' })
    world.kernel.busy.clear()
    await pass(2_000)
    await eventually(() => expect(attachments()).toEqual([]))
  })
})

test('a Mount of a volume that stays attached asks the platform nothing, unless its disk is gone', async () => {
  const manager = world.manager('server', {
    unmount: { ...quickSettings.unmount, detachDelayMs: 60_000 },
  })
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  await manager.unmount({ name: 'data', holder: 'a' })
  const calls = () => world.platform.count('volumes') + world.platform.count('volume')
  const before = calls()
  await mounted(manager, 'data', 'b')
  expect(calls()).toBe(before)
  await manager.unmount({ name: 'data', holder: 'b' })
  // Until then what was attached here is believed against a platform that may lag.
  await pass(31_000)
  const [volume] = world.platform.volumes()
  const away = world.platform.provider('there').driver
  await away.detachVolume(volume?.id ?? '', 'here')
  await mounted(manager, 'data', 'c')
  expect(calls()).toBeGreaterThan(before)
  expect(world.platform.count('attachVolume')).toBe(2)
})

test('after its last Unmount a volume stays attached for unmount.detachDelay, and is mounted without an attach', async () => {
  const manager = world.manager('server', {
    unmount: { ...quickSettings.unmount, detachDelayMs: 2_000 },
  })
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  await manager.unmount({ name: 'data', holder: 'a' })
  expect([attachments().length, world.isMounted('data')]).toEqual([1, false])
  await pass(1_999)
  await mounted(manager, 'data', 'b')
  await pass(60_000)
  expect([world.isMounted('data'), world.platform.count('attachVolume')]).toEqual([true, 1])
  await manager.unmount({ name: 'data', holder: 'b' })
  await pass(1_999)
  expect(attachments()).toHaveLength(1)
  await pass(1)
  await eventually(() => expect(attachments()).toEqual([]))
})
