import { describe, expect, test } from 'vitest'
import { FailedPreconditionError, NotFoundError } from '../../../src/libstorage/errors.ts'
import { idempotent } from '../../../src/libstorage/idempotent.ts'
import { UNKNOWN, type World } from './world.ts'

/** How a machine gets a volume. */
export function describeAttachment(world: World): void {
  describe('attach', () => {
    test('an attachment says whose it is and since when, and every look-up shows it', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      expect(attachment).toMatchObject({ volumeId: id, instanceId: world.here })
      expect(['attaching', 'attached']).toContain(attachment.state)
      const seen = await world.driver.volume(id)
      expect(seen.state).toBe('in-use')
      expect(seen.attachments.map((one) => one.since)).toEqual([attachment.since])
      expect(await world.driver.volumes({ name: 'data' })).toEqual([seen])
      expect(await world.driver.volumes()).toEqual([seen])
      expect(await world.subject.other.driver.volume(id)).toEqual(seen)
    })

    test('a repeat returns the attachment that is there', async () => {
      const { id } = await world.make('data')
      const first = await world.driver.attachVolume(id, world.here)
      expect(await world.driver.attachVolume(id, world.here)).toEqual(first)
    })

    test('many at once for one instance are one attachment', async () => {
      const { id } = await world.make('data')
      const all = await Promise.all(
        Array.from({ length: 4 }, () => world.driver.attachVolume(id, world.here)),
      )
      expect(new Set(all.map((one) => one.since.getTime())).size).toBe(1)
      expect(await world.attachmentsOf(id)).toHaveLength(1)
    })

    test('a volume that another instance has is refused with its name, and nothing changes', async () => {
      const { id } = await world.make('data')
      await world.driver.attachVolume(id, world.there)
      const before = await world.driver.volume(id)
      const attempt = world.driver.attachVolume(id, world.here)
      await expect(attempt).rejects.toThrow(FailedPreconditionError)
      await expect(attempt).rejects.toThrow(world.there)
      expect(await world.driver.volume(id)).toEqual(before)
    })

    test('of two instances that attach at once one wins, and the other is told who', async () => {
      const { id } = await world.make('data')
      const results = await Promise.allSettled([
        world.driver.attachVolume(id, world.here),
        world.subject.other.driver.attachVolume(id, world.there),
      ])
      const winners = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
      const losers = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      expect(winners).toHaveLength(1)
      expect(losers[0]).toBeInstanceOf(FailedPreconditionError)
      expect(String(losers[0])).toContain(winners[0]?.instanceId)
      expect((await world.attachmentsOf(id)).map((one) => one.instanceId)).toEqual([
        winners[0]?.instanceId,
      ])
    })

    test('an unknown id is not found', async () => {
      await expect(world.driver.attachVolume(UNKNOWN, world.here)).rejects.toThrow(NotFoundError)
    })

    test('a later attachment begins at another time', async () => {
      const { id } = await world.make('data')
      const times = new Set<number>()
      for (let round = 0; round < 5; round += 1) {
        times.add((await world.driver.attachVolume(id, world.here)).since.getTime())
        await world.driver.detachVolume(id, world.here)
      }
      expect(times.size).toBe(5)
    })
  })
}

/** How it loses it. */
export function describeDetachment(world: World): void {
  describe('detach', () => {
    test('what was detached is nobody’s, and can be attached elsewhere', async () => {
      const { id } = await world.make('data')
      await world.driver.attachVolume(id, world.here)
      await world.driver.detachVolume(id, world.here)
      expect(await world.driver.volume(id)).toMatchObject({ state: 'available', attachments: [] })
      await world.driver.attachVolume(id, world.there)
    })

    test('it never takes a volume from anyone else, not even by force', async () => {
      const { id } = await world.make('data')
      await world.driver.attachVolume(id, world.there)
      const before = await world.driver.volume(id)
      for (const force of [false, true])
        await expect(world.driver.detachVolume(id, world.here, { force })).rejects.toThrow(
          NotFoundError,
        )
      expect(await world.driver.volume(id)).toEqual(before)
    })

    test('what is not attached, or not there at all, is not found', async () => {
      const { id } = await world.make('data')
      await expect(world.driver.detachVolume(id, world.here)).rejects.toThrow(NotFoundError)
      await expect(world.driver.detachVolume(UNKNOWN, world.here)).rejects.toThrow(NotFoundError)
      await idempotent(world.driver).detachVolume(id, world.here)
    })

    test('it may be asked for on another machine than the one it names', async () => {
      const { id } = await world.make('data')
      await world.driver.attachVolume(id, world.here)
      await world.subject.other.driver.detachVolume(id, world.here)
      expect(await world.attachmentsOf(id)).toEqual([])
    })
  })
}

/** For platforms where a program on the machine can hold what is attached. */
export function describeHeldDevice(world: World): void {
  describe('while the device is held', () => {
    test('a held device stays with its holder until it lets go', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      const device = await world.provider.executor.device(attachment)
      const letGo = await world.hold(device)
      await expect(world.driver.detachVolume(id, world.here)).rejects.toThrow(
        FailedPreconditionError,
      )
      expect((await world.attachmentsOf(id)).map((one) => one.since)).toEqual([attachment.since])
      await letGo()
      await world.driver.detachVolume(id, world.here)
      expect(await world.attachmentsOf(id)).toEqual([])
    })

    test('force takes a held device away', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      const device = await world.provider.executor.device(attachment)
      const letGo = await world.hold(device)
      await world.driver.detachVolume(id, world.here, { force: true })
      expect(await world.attachmentsOf(id)).toEqual([])
      expect(await world.provider.executor.device(attachment)).toBeUndefined()
      await letGo()
    })
  })
}
