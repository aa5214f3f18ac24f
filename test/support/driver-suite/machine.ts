import { describe, expect, test } from 'vitest'
import { AbortedError } from '../../../src/libstorage/errors.ts'
import { spec, UNKNOWN, type World } from './world.ts'

/** What the machine itself knows. */
export function describeExecutor(world: World): void {
  describe('the executor', () => {
    test('knows which instance it is on', async () => {
      expect(world.here).not.toBe('')
      expect((await world.subject.other.executor.instance()).id).toBe(world.there)
    })

    test('finds the device of an attachment to this machine, a different one for each volume', async () => {
      const devices = new Set<string | undefined>()
      for (const name of ['one', 'two']) {
        const { id } = await world.make(name)
        const attachment = await world.driver.attachVolume(id, world.here)
        devices.add(await world.provider.executor.device(attachment))
      }
      expect(devices.size).toBe(2)
      for (const device of devices) expect(device).toMatch(/^\//)
    })

    test('finds nothing for another machine’s attachment', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.there)
      expect(await world.provider.executor.device(attachment)).toBeUndefined()
      expect(await world.subject.other.executor.device(attachment)).toBeDefined()
    })

    test('finds nothing for an attachment that ended, though the volume is attached again', async () => {
      const { id } = await world.make('data')
      const old = await world.driver.attachVolume(id, world.here)
      await world.driver.detachVolume(id, world.here)
      expect(await world.provider.executor.device(old)).toBeUndefined()
      const current = await world.driver.attachVolume(id, world.here)
      expect(await world.provider.executor.device(old)).toBeUndefined()
      expect(await world.provider.executor.device(current)).toBeDefined()
    })

    test('finds nothing for a volume that is not there', async () => {
      const attachment = {
        volumeId: UNKNOWN,
        instanceId: world.here,
        state: 'attached',
        since: new Date(),
      } as const
      expect(await world.provider.executor.device(attachment)).toBeUndefined()
    })
  })
}

/** Callers that go away. */
export function describeAbort(world: World): void {
  describe('an aborted signal', () => {
    test('rejects every method, which starts nothing', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      const before = await world.driver.volumes()
      const signal = AbortSignal.abort()
      const { driver, executor } = world.provider
      const calls = [
        () => driver.volumes({}, { signal }),
        () => driver.volume(id, { signal }),
        () => driver.createVolume(spec('new'), { signal }),
        () => driver.removeVolume(id, { signal }),
        () => driver.attachVolume(id, world.here, { signal }),
        () => driver.detachVolume(id, world.here, { signal }),
        () => executor.device(attachment, { signal }),
      ]
      for (const call of calls) await expect(call()).rejects.toThrow(AbortedError)
      expect(await world.driver.volumes()).toEqual(before)
    })

    test('what it cut short can be repeated', async () => {
      const { id } = await world.make('data')
      for (const steps of [0, 1, 3, 10]) {
        const caller = new AbortController()
        const cut = world.driver.attachVolume(id, world.here, { signal: caller.signal })
        for (let step = 0; step < steps; step += 1) await new Promise(setImmediate)
        caller.abort()
        await cut.catch((error: unknown) => expect(error).toBeInstanceOf(AbortedError))
        const attachment = await world.driver.attachVolume(id, world.here)
        expect(await world.attachmentsOf(id)).toHaveLength(1)
        expect((await world.attachmentsOf(id))[0]?.since).toEqual(attachment.since)
        await world.driver.detachVolume(id, world.here)
        expect(await world.attachmentsOf(id)).toEqual([])
      }
    })
  })
}

/** Processes that follow one another. */
export function describeRestart(world: World): void {
  describe('another process on the same machine', () => {
    test('sees the same volumes and attachments, and finds their devices', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      const device = await world.provider.executor.device(attachment)
      const restarted = await world.subject.restarted()
      expect(await restarted.executor.device(attachment)).toBe(device)
      expect(await restarted.driver.volumes()).toEqual(await world.driver.volumes())
      expect(await restarted.driver.attachVolume(id, world.here)).toEqual(
        (await world.attachmentsOf(id))[0],
      )
    })

    test('can end what this one began', async () => {
      const { id } = await world.make('data')
      await world.driver.attachVolume(id, world.here)
      const restarted = await world.subject.restarted()
      await restarted.driver.detachVolume(id, world.here)
      await restarted.driver.removeVolume(id)
      expect(await world.driver.volumes()).toEqual([])
    })
  })
}
