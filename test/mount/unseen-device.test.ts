import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
import { timePasses } from '../support/passing-time.ts'

let world: MountWorld
/** While true, the executor sees no device, as while a controller is being reset. */
let isBlind: boolean
beforeEach(() => {
  world = new MountWorld()
  // This platform takes a disk away from whoever uses it.
  world.platform.isHeld = () => false
  isBlind = false
  const provider = world.platform.provider.bind(world.platform)
  world.platform.provider = (...args) => {
    const seeing = provider(...args)
    const device: typeof seeing.executor.device = async (attachment, options) => {
      const seen = await seeing.executor.device(attachment, options)
      return isBlind ? undefined : seen
    }
    return { ...seeing, executor: { ...seeing.executor, device } }
  }
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.end()
})

const pass = (ms: number) => timePasses(world, ms)
const attachments = () => world.platform.volumes()[0]?.attachments ?? []
const detaches = () => world.platform.count('detachVolume')
const kinds = () => world.events.map(({ kind }) => kind)
const DEVICE = '/dev/memory0'

/** A volume that is unmounted here, and that a container holds in a namespace of its own. */
async function held(): Promise<MountManager> {
  const unmount = { ...quickSettings.unmount, ignoreUsedCount: true }
  const manager = world.manager('server', { unmount })
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  await pass(0)
  world.kernel.heldByOthers.add(DEVICE)
  await manager.unmount({ name: 'data', holder: 'a' })
  expect(world.ledger().all()[0]?.releasing).toBeDefined()
  return manager
}

describe('a disk that somebody holds and the executor does not see for a moment', () => {
  test('is not detached, nor called lost, and goes when it is free', async () => {
    await held()
    isBlind = true
    for (let look = 0; look < 3; look++) await pass(1_000)
    isBlind = false
    await pass(1_000)
    expect([detaches(), attachments().length]).toEqual([0, 1])
    expect(kinds()).not.toContain('lost')
    world.kernel.heldByOthers.clear()
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
    await eventually(() => expect(world.ledger().all()).toEqual([]))
  })

  test('is not detached by a server that was started anew either', async () => {
    const before = await held()
    await before.close()
    const [record] = world.ledger().all()
    if (record?.attachment === undefined) throw new Error('there is no record')
    // As a version wrote it that did not know the disk of an attachment.
    const { disk: _disk, ...attachment } = record.attachment
    await world.ledger().put({ ...record, attachment })
    world.manager().start()
    await eventually(() => expect(world.ledger().all()[0]?.attachment?.disk).toBeDefined())
    isBlind = true
    for (let look = 0; look < 3; look++) await pass(1_000)
    expect([detaches(), attachments().length]).toEqual([0, 1])
  })

  test('is not removed', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await pass(0)
    await world.age()
    world.kernel.heldByOthers.add(DEVICE)
    const { unmount } = world.kernel
    world.kernel.unmount = async (mountPoint) => {
      isBlind = true
      return await unmount.call(world.kernel, mountPoint)
    }
    await expect(manager.remove('data')).rejects.toThrow('is not seen')
    expect([detaches(), attachments().length]).toEqual([0, 1])
  })

  test('is not detached after a Mount that waited for it in vain', async () => {
    const manager = await held()
    isBlind = true
    let answer: unknown
    mounted(manager, 'data', 'b').catch((error: unknown) => {
      answer = error
    })
    while (answer === undefined) {
      vi.advanceTimersByTime(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(String(answer)).toContain('did not appear')
    await pass(1_000)
    expect([detaches(), attachments().length]).toEqual([0, 1])
  })
})

describe('a disk that is gone while its release is tried', () => {
  test('is let go of', async () => {
    await held()
    world.platform.pull(attachments()[0]?.volumeId ?? '')
    await pass(1_000)
    await eventually(() => expect(world.ledger().all()[0]?.attachment).toBeUndefined())
  })

  test('is let go of too where another one has its name', async () => {
    await held()
    world.platform.pull(attachments()[0]?.volumeId ?? '')
    world.kernel.deviceIdentity = (device) => `disk ${device}`
    await pass(1_000)
    await eventually(() => expect(world.ledger().all()[0]?.attachment).toBeUndefined())
  })
})
