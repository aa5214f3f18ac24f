import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const kinds = () => world.events.map(({ kind }) => kind)

/** An event as everything that is done here records it: what, about which volume, on which machine, how long it took. */
function done(kind: VolumeEvent['kind'], more: Partial<VolumeEvent> = {}): object {
  const volume = { volume: 'data', volumeId: expect.stringMatching(/^vol-/) }
  const took = { instance: 'here', durationMs: expect.any(Number) }
  return { kind, service: 'memory', ...volume, ...took, ...more }
}

test('the life of a volume is recorded, each event with the volume, the machine and how long it took', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  await mounted(manager, 'data', 'b')
  await manager.unmount({ name: 'data', holder: 'a' })
  await manager.unmount({ name: 'data', holder: 'b' })
  await eventually(() => expect(kinds()).toContain('detached'))
  await mounted(manager, 'data', 'c')
  await manager.unmount({ name: 'data', holder: 'c' })
  await manager.remove('data')
  expect(world.events).toEqual([
    done('created'),
    done('attached'),
    done('formatted'),
    done('mounted'),
    done('reference', { holder: 'a' }),
    done('reference', { holder: 'b' }),
    done('unmounted'),
    done('detached'),
    done('attached'),
    done('checked'),
    done('mounted'),
    done('reference', { holder: 'c' }),
    done('unmounted'),
    done('detached'),
    done('removed'),
  ])
})

test('what a repeat finds done already is recorded once', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await manager.create('data', {})
  await manager.remove('data')
  await manager.remove('data')
  await manager.unmount({ name: 'data', holder: 'a' })
  expect(kinds()).toEqual(['created', 'removed'])
})

test('a Mount that fails is recorded with who asked for it, where, and why', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  const away = new UnavailableError({ subject: 'the platform', problem: 'is away' })
  world.platform.failNext('attachVolume', away)
  await expect(mounted(manager, 'data', 'a')).rejects.toThrow(away)
  expect(world.events.at(-1)).toEqual(done('failed', { holder: 'a', cause: away.message }))
})

test('a Mount that fails on a machine that cannot say its name is recorded without it', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  const away = new UnavailableError({ subject: 'the platform', problem: 'is away' })
  world.platform.failAlways('instance', away)
  await expect(mounted(manager, 'data', 'a')).rejects.toThrow(away)
  world.platform.failAlways('instance')
  expect(world.events.at(-1)).toEqual(
    done('failed', { instance: undefined, holder: 'a', cause: away.message }),
  )
})

test('a volume that is found mounted is recorded with the machine', async () => {
  const first = world.manager()
  await first.create('data', {})
  await mounted(first, 'data', 'a')
  for (const { volume } of world.ledger().all()) await world.ledger().delete(volume.id)
  world.manager().start()
  await eventually(() => expect(kinds()).toContain('adopted'))
  expect(world.events.find(({ kind }) => kind === 'adopted')).toMatchObject({
    volume: 'data',
    instance: 'here',
  })
})
