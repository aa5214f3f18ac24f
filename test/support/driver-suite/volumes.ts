import { describe, expect, test } from 'vitest'
import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
} from '../../../src/libstorage/errors.ts'
import { idempotent } from '../../../src/libstorage/idempotent.ts'
import { idsOf, spec, UNKNOWN, type World } from './world.ts'

/** What is there, and how it is found. */
export function describeLookUps(world: World): void {
  describe('look-ups', () => {
    test('an empty platform has an empty list', async () => {
      expect(await world.driver.volumes()).toEqual([])
      expect(await world.driver.volumes({ name: 'data' })).toEqual([])
      expect(await world.driver.volumes({ instanceId: world.here })).toEqual([])
    })

    test('an unknown id is not found', async () => {
      await expect(world.driver.volume(UNKNOWN)).rejects.toThrow(NotFoundError)
    })

    test('a name matches exactly, letter case included', async () => {
      const { id } = await world.make('Data')
      await world.make('Data2')
      expect(idsOf(await world.driver.volumes({ name: 'Data' }))).toEqual([id])
      expect(await world.driver.volumes({ name: 'data' })).toEqual([])
      expect(await world.driver.volumes({ name: 'Dat' })).toEqual([])
    })

    test('every id has the form of an id, and a usual name has not', async () => {
      const { id } = await world.make('data')
      expect(world.provider.looksLikeId(id)).toBe(true)
      for (const name of ['data', '', `${id}/`])
        expect(world.provider.looksLikeId(name)).toBe(false)
    })

    test('an instance selects the volumes attached to it', async () => {
      const [mine, theirs] = [await world.make('mine'), await world.make('theirs')]
      await world.make('nobodys')
      await world.driver.attachVolume(mine.id, world.here)
      await world.driver.attachVolume(theirs.id, world.there)
      expect(idsOf(await world.driver.volumes({ instanceId: world.here }))).toEqual([mine.id])
      expect(idsOf(await world.driver.volumes({ instanceId: world.there }))).toEqual([theirs.id])
      expect(await world.driver.volumes({ instanceId: 'nowhere' })).toEqual([])
    })

    test('all fields of a query count together', async () => {
      const mine = await world.make('mine')
      await world.driver.attachVolume(mine.id, world.here)
      const query = { name: 'mine', instanceId: world.there }
      expect(await world.driver.volumes(query)).toEqual([])
    })
  })
}

/** How a volume begins. */
export function describeCreation(world: World): void {
  describe('create', () => {
    test('what was made is there as it was asked for, and is nobody’s', async () => {
      const before = Date.now() - 1_000
      const labels = { fstype: 'xfs', note: 'ünïcode "quoted"' }
      const made = await world.driver.createVolume({ name: 'data', sizeGiB: 3, labels })
      expect(made).toMatchObject({ name: 'data', sizeGiB: 3, labels, state: 'available' })
      expect(made).toMatchObject({ attachments: [], managed: true })
      expect(made.madeFrom).toBeUndefined()
      expect(made.createdAt?.getTime() ?? before).toBeLessThanOrEqual(Date.now())
      expect(await world.driver.volume(made.id)).toEqual(made)
      expect(await world.driver.volumes({ name: 'data' })).toEqual([made])
      expect(await world.driver.volumes()).toEqual([made])
    })

    test('a name that is taken is refused, and the volume that has it stays as it is', async () => {
      const made = await world.make('data')
      const again = world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      await expect(again).rejects.toThrow(AlreadyExistsError)
      await expect(again).rejects.toThrow('volume "data"')
      expect(await world.driver.volumes()).toEqual([made])
    })

    test('of many at once with one name all have the one volume, or are told that it exists', async () => {
      const tries = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? world.provider : world.subject.other).driver.createVolume(spec('x')),
        ),
      )
      const reasons = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      const made = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      for (const reason of reasons) expect(reason).toBeInstanceOf(AlreadyExistsError)
      if (world.subject.joinsCreations !== true) expect(made).toHaveLength(1)
      expect(new Set([...made.map(({ id }) => id)])).toEqual(
        new Set(idsOf(await world.driver.volumes())),
      )
      expect(await world.driver.volumes()).toHaveLength(1)
    })

    test('an id is never used again', async () => {
      const first = await world.make('data')
      await world.driver.removeVolume(first.id)
      expect((await world.make('data')).id).not.toBe(first.id)
    })

    test('a size that is none is refused, and nothing half made stays', async () => {
      for (const sizeGiB of [0, -1, 1.5, Number.NaN])
        await expect(world.driver.createVolume({ ...spec('data'), sizeGiB })).rejects.toThrow(
          InvalidArgumentError,
        )
      expect(await world.driver.volumes()).toEqual([])
    })

    test('what the platform cannot do is refused, never ignored', async () => {
      for (const field of world.subject.unsupported ?? [])
        await expect(
          world.driver.createVolume({ ...spec('data'), ...field }),
          JSON.stringify(field),
        ).rejects.toThrow(InvalidArgumentError)
      expect(await world.driver.volumes()).toEqual([])
    })
  })
}

/** How it ends. */
export function describeRemoval(world: World): void {
  describe('remove', () => {
    test('what was removed is gone, and its name is free', async () => {
      const { id } = await world.make('data')
      await world.driver.removeVolume(id)
      expect(await world.driver.volumes()).toEqual([])
      await expect(world.driver.volume(id)).rejects.toThrow(NotFoundError)
      await world.make('data')
    })

    test('an unknown id is not found, which a repeat takes for success', async () => {
      await expect(world.driver.removeVolume(UNKNOWN)).rejects.toThrow(NotFoundError)
      await idempotent(world.driver).removeVolume(UNKNOWN)
    })

    test('an attached volume is refused, wherever it is attached, and stays', async () => {
      const { id } = await world.make('data')
      for (const instance of [world.here, world.there]) {
        await world.driver.attachVolume(id, instance)
        const attached = await world.driver.volume(id)
        const removal = world.driver.removeVolume(id)
        await expect(removal).rejects.toThrow(FailedPreconditionError)
        await expect(removal).rejects.toThrow(instance)
        expect(await world.driver.volume(id)).toEqual(attached)
        await world.driver.detachVolume(id, instance)
      }
    })
  })
}
