import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
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

const pass = (ms: number) => timePasses(world, ms)
const volume = () => world.platform.volumes()[0]
const attachments = () => volume()?.attachments ?? []
/** Long enough for the watch to find what nobody uses, and for its release. */
const watched = async () => {
  for (let look = 0; look < 5; look++) await pass(3_000)
}

/** As where a disk is known by its volume alone, whichever attachment it is. */
function findByVolumeAlone(): void {
  const provider = world.platform.provider.bind(world.platform)
  world.platform.provider = (...args) => {
    const exact = provider(...args)
    const device: typeof exact.executor.device = async ({ volumeId }, options) => {
      const now = world.platform.volumes().find(({ id }) => id === volumeId)?.attachments[0]
      return now && (await exact.executor.device(now, options))
    }
    return { ...exact, executor: { ...exact.executor, device } }
  }
}

async function served(detachDelayMs = 0): Promise<MountManager> {
  const manager = world.manager('server', { unmount: { ...quickSettings.unmount, detachDelayMs } })
  manager.start()
  await manager.create('data', {})
  await pass(0)
  return manager
}

describe('what somebody has attached by hand', () => {
  test.each(['remove', 'detach'] as const)(
    'and uses is as it was after a %s that was refused, also when its use has ended',
    async (call) => {
      const manager = await served()
      const { deviceName = '' } = world.platform.attachByHand(volume()?.id ?? '', 'here')
      world.kernel.heldByOthers.add(deviceName)
      await expect(manager[call]('data')).rejects.toThrow('in use by pid 4711 (postgres)')
      expect(world.ledger().all()).toEqual([])
      world.kernel.heldByOthers.clear()
      await watched()
      expect(attachments()).toHaveLength(1)
    },
  )

  test('and holds what is refused leaves no mount point behind', async () => {
    const manager = await served()
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    const id = volume()?.id ?? ''
    world.platform.attachByHand(id, 'here')
    world.disks.write(id, { kind: 'foreign', what: 'a LUKS container' })
    await expect(manager.mount({ name: 'data', holder: 'a' })).rejects.toThrow('LUKS')
    expect([...world.kernel.mountPoints]).toEqual([])
    expect(attachments()).toHaveLength(1)
  })

  test('is not removed while its disk is not seen here: nobody can say whether it is used', async () => {
    const manager = await served()
    world.platform.attachByHand(volume()?.id ?? '', 'here')
    const provider = world.platform.provider.bind(world.platform)
    world.platform.provider = (...args) => {
      const seeing = provider(...args)
      return { ...seeing, executor: { ...seeing.executor, device: async () => undefined } }
    }
    const blind = world.manager('server')
    await expect(blind.remove('data')).rejects.toThrow(
      'volume "data" is attached to here, where its disk is not seen',
    )
    expect(attachments()).toHaveLength(1)
    await manager.remove('data')
    expect(volume()).toBeUndefined()
  })

  test('stays attached after a Mount that failed, and nothing is left of that', async () => {
    const manager = await served()
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    world.platform.attachByHand(volume()?.id ?? '', 'here')
    world.kernel.prepareDataFolder = async () => {
      throw new UnavailableError({ subject: 'the folder', problem: 'cannot be made' })
    }
    await expect(manager.mount({ name: 'data', holder: 'b' })).rejects.toThrow('cannot be made')
    await watched()
    expect([attachments().length, world.isMounted('data')]).toEqual([1, false])
    expect(world.ledger().all()).toEqual([])
  })
})

test('what a Mount has attached itself goes with its failure', async () => {
  const manager = await served()
  world.kernel.prepareDataFolder = async () => {
    throw new UnavailableError({ subject: 'the folder', problem: 'cannot be made' })
  }
  await expect(manager.mount({ name: 'data', holder: 'a' })).rejects.toThrow('cannot be made')
  expect(attachments()).toEqual([])
})

describe('what somebody has attached anew in the place of ours', () => {
  /** Somebody detaches the volume and attaches it again. */
  const attachAnew = () => {
    const id = volume()?.id ?? ''
    world.platform.pull(id)
    world.platform.attachByHand(id, 'here')
  }

  test('while we were down is not touched by the next start', async () => {
    findByVolumeAlone()
    const before = await served(60_000_000)
    await mounted(before, 'data', 'a')
    await before.unmount({ name: 'data', holder: 'a' })
    const [record] = world.ledger().all()
    if (record === undefined) throw new Error('there is no record')
    await before.close()
    const again = world.platform.attachByHand(record.volume.id, 'here')
    // As it stood when the server was killed.
    await world.ledger().put(record)
    world.manager().start()
    await watched()
    expect(attachments()).toEqual([again])
    await eventually(() => expect(world.ledger().all()).toEqual([]))
  })

  test('while it was kept for a moment is not detached then', async () => {
    findByVolumeAlone()
    const manager = await served(2_000)
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    const detaches = world.platform.count('detachVolume')
    attachAnew()
    await pass(2_000)
    await eventually(() => expect(world.ledger().all()).toEqual([]))
    expect([attachments().length, world.platform.count('detachVolume')]).toEqual([1, detaches])
  })
})
