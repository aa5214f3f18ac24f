import { describe, expect, test } from 'vitest'
import {
  AbortedError,
  FailedPreconditionError,
  InvalidArgumentError,
  isStorageError,
  NotFoundError,
} from '../../../src/libstorage/errors.ts'
import { idempotent } from '../../../src/libstorage/idempotent.ts'
import type { SnapshotDriver, StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import type { SnapshotSpec } from '../../../src/libstorage/types.ts'
import { eventually } from '../eventually.ts'
import { spec, UNKNOWN, type World } from './world.ts'

/** How a volume changes; only for a driver that can. */
export function describeModification(world: World): void {
  const modify: NonNullable<StorageDriver['modifyVolume']> = (...args) => {
    if (world.driver.modifyVolume === undefined) throw new Error('nothing can be modified')
    return world.driver.modifyVolume(...args)
  }

  describe('modify', () => {
    test('a volume that was made larger is so for everybody, and the same volume', async () => {
      const made = await world.driver.createVolume({ ...spec('data'), labels: { a: 'b' } })
      const grown = await modify(made.id, { sizeGiB: 3 })
      expect(grown).toEqual({ ...made, sizeGiB: 3 })
      for (const provider of [world.provider, world.subject.other, await world.subject.restarted()])
        expect(await provider.driver.volume(made.id)).toEqual(grown)
    })

    test('an attached volume stays attached as it was', async () => {
      const { id } = await world.make('data')
      const attachment = await world.driver.attachVolume(id, world.here)
      const device = await world.provider.executor.device(attachment)
      const change = modify(id, { sizeGiB: 2 })
      if (world.subject.refusesChangesInUse === true)
        await expect(change).rejects.toThrow(FailedPreconditionError)
      else await change
      expect(await world.attachmentsOf(id)).toEqual([attachment])
      expect(await world.provider.executor.device(attachment)).toBe(device)
    })

    test('a repeat, and a change of nothing, is a success', async () => {
      const { id } = await world.make('data')
      const grown = await modify(id, { sizeGiB: 2 })
      expect(await modify(id, { sizeGiB: 2 })).toEqual(grown)
      expect(await modify(id, {})).toEqual(grown)
    })

    test('a smaller size, or one that is none, is refused, and the volume stays as it is', async () => {
      const made = await world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      for (const sizeGiB of [1, 0, -1, 2.5, Number.NaN])
        await expect(modify(made.id, { sizeGiB })).rejects.toThrow(InvalidArgumentError)
      expect(await world.driver.volume(made.id)).toEqual(made)
    })

    test('of many at once the largest that is told of success wins', async () => {
      const { id } = await world.make('data')
      const sizes = [4, 2, 5, 3]
      const tries = await Promise.allSettled(sizes.map((sizeGiB) => modify(id, { sizeGiB })))
      const made = sizes.filter((_, index) => tries[index]?.status === 'fulfilled')
      for (const one of tries)
        if (one.status === 'rejected') expect(isStorageError(one.reason)).toBe(true)
      if (world.subject.changesOneByOne !== true) expect(made).toContain(5)
      expect((await world.driver.volume(id)).sizeGiB).toBe(Math.max(...made))
    })

    test('an unknown id is not found', async () => {
      await expect(modify(UNKNOWN, { sizeGiB: 2 })).rejects.toThrow(NotFoundError)
    })

    test('an aborted call starts nothing', async () => {
      const made = await world.make('data')
      const change = modify(made.id, { sizeGiB: 2 }, { signal: AbortSignal.abort() })
      await expect(change).rejects.toThrow(AbortedError)
      expect(await world.driver.volume(made.id)).toEqual(made)
    })
  })
}

/** Copies of volumes at one moment; only for a driver that has them. */
export function describeSnapshots(world: World): void {
  const snapshots = (): SnapshotDriver => {
    if (world.driver.snapshots === undefined) throw new Error('there are no snapshots')
    return world.driver.snapshots
  }
  /** A snapshot once volumes can be made from it. */
  const taken = async (volumeId: string, named: SnapshotSpec) => {
    const { id } = await snapshots().create(volumeId, named)
    await whole(id)
    return id
  }
  const whole = (id: string) =>
    eventually(async () => {
      const all = await snapshots().list()
      expect(all.find((one) => one.id === id)?.state).toBe('complete')
    })

  describe('snapshots', () => {
    test('an empty platform has an empty list', async () => {
      expect(await snapshots().list()).toEqual([])
      expect(await snapshots().list({ name: 'x' })).toEqual([])
    })

    test('what was taken is there as it was asked for, whoever looks', async () => {
      const volume = await world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      const made = await snapshots().create(volume.id, { name: 'one', labels: { a: 'b' } })
      expect(made).toMatchObject({ name: 'one', volumeId: volume.id, sizeGiB: 2 })
      expect(made.labels).toEqual({ a: 'b' })
      const { driver } = await world.subject.restarted()
      const [seen, ...others] = (await driver.snapshots?.list()) ?? []
      expect({ ...seen, state: made.state }).toEqual(made)
      expect(others).toEqual([])
      expect(await world.driver.volumes()).toEqual([volume])
    })

    test('several may have one name; a query selects by name and by volume', async () => {
      const [a, b] = [await world.make('a'), await world.make('b')]
      const first = await snapshots().create(a.id, { name: 'x', labels: {} })
      const second = await snapshots().create(b.id, { name: 'x', labels: {} })
      await snapshots().create(b.id, { name: '', labels: {} })
      const ids = async (query: Parameters<SnapshotDriver['list']>[0]) =>
        (await snapshots().list(query)).map(({ id }) => id).sort()
      expect(await ids({ name: 'x' })).toEqual([first.id, second.id].sort())
      expect(await ids({ name: 'x', volumeId: b.id })).toEqual([second.id])
      expect(await ids({ volumeId: b.id })).toHaveLength(2)
      expect(await ids({})).toHaveLength(3)
    })

    test('a volume is made from one, of its size or larger, and says so', async () => {
      const volume = await world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      const id = await taken(volume.id, { name: 'one', labels: {} })
      const source = { kind: 'snapshot', id } as const
      const copy = await world.driver.createVolume({ ...spec('copy'), sizeGiB: 3, source })
      expect(copy).toMatchObject({ name: 'copy', sizeGiB: 3, madeFrom: 'snapshot' })
      expect(await world.driver.volume(copy.id)).toEqual(copy)
      const small = world.driver.createVolume({ ...spec('small'), sizeGiB: 1, source })
      await expect(small).rejects.toThrow(InvalidArgumentError)
      expect(await world.driver.volumes({ name: 'small' })).toEqual([])
    })

    test('a copy has what it holds, outlives it, and is of the same volume', async () => {
      const volume = await world.make('data')
      const original = await taken(volume.id, { name: 'one', labels: {} })
      const copy = await snapshots().copy?.(original, { name: 'two', labels: { a: 'b' } })
      if (copy === undefined) throw new Error('this driver copies none')
      expect(copy).toMatchObject({ name: 'two', labels: { a: 'b' }, volumeId: volume.id })
      await whole(copy.id)
      await snapshots().remove(original)
      const source = { kind: 'snapshot', id: copy.id } as const
      const made = await world.driver.createVolume({ ...spec('copy'), source })
      expect(made).toMatchObject({ name: 'copy', madeFrom: 'snapshot' })
      const gone = snapshots().copy?.(original, { name: '', labels: {} })
      await expect(gone).rejects.toThrow(NotFoundError)
    })

    test('it outlives its volume, and what was made from it outlives it', async () => {
      const volume = await world.make('data')
      const id = await taken(volume.id, { name: 'one', labels: {} })
      await world.driver.removeVolume(volume.id)
      expect(await snapshots().list()).toMatchObject([{ id, volumeId: volume.id }])
      const source = { kind: 'snapshot', id } as const
      const copy = await world.driver.createVolume({ ...spec('copy'), source })
      await snapshots().remove(id)
      expect(await snapshots().list()).toEqual([])
      expect(await world.driver.volume(copy.id)).toEqual(copy)
    })

    test('what is unknown is not found, which a repeat of remove takes for success', async () => {
      const named = { name: 'x', labels: {} }
      await expect(snapshots().create(UNKNOWN, named)).rejects.toThrow(NotFoundError)
      await expect(snapshots().remove('snap-0fff')).rejects.toThrow(NotFoundError)
      await expect(snapshots().remove('../x')).rejects.toThrow(NotFoundError)
      await idempotent(world.driver).snapshots?.remove('snap-0fff')
      const source = { kind: 'snapshot', id: 'snap-0fff' } as const
      const made = world.driver.createVolume({ ...spec('data'), source })
      await expect(made).rejects.toThrow(NotFoundError)
      expect(await snapshots().list()).toEqual([])
      expect(await world.driver.volumes()).toEqual([])
    })

    test('an aborted call starts nothing', async () => {
      const { id } = await world.make('data')
      const signal = AbortSignal.abort()
      const begun = snapshots().create(id, { name: 'x', labels: {} }, { signal })
      await expect(begun).rejects.toThrow(AbortedError)
      expect(await snapshots().list()).toEqual([])
    })
  })
}

/** Volumes that begin as another one; only for a driver that can copy. */
export function describeClones(world: World): void {
  describe('a copy of a volume', () => {
    test('is a volume of its own that says so', async () => {
      const volume = await world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      const source = { kind: 'volume', id: volume.id } as const
      const copy = await world.driver.createVolume({ ...spec('copy'), sizeGiB: 2, source })
      expect(copy).toMatchObject({ sizeGiB: 2, madeFrom: 'volume', attachments: [] })
      expect(copy.id).not.toBe(volume.id)
      await world.driver.removeVolume(volume.id)
      expect(await world.driver.volumes()).toEqual([copy])
    })

    test('of an unknown volume, or smaller, or of a taken name, is refused and leaves nothing', async () => {
      const volume = await world.driver.createVolume({ ...spec('data'), sizeGiB: 2 })
      const source = { kind: 'volume', id: volume.id } as const
      const unknown = { kind: 'volume', id: UNKNOWN } as const
      const create = world.driver.createVolume
      await expect(create.call(world.driver, { ...spec('copy'), source })).rejects.toThrow(
        InvalidArgumentError,
      )
      await expect(create.call(world.driver, { ...spec('copy'), source: unknown })).rejects.toThrow(
        NotFoundError,
      )
      await expect(
        create.call(world.driver, { ...spec('data'), sizeGiB: 2, source }),
      ).rejects.toThrow('exists already')
      expect(await world.driver.volumes()).toEqual([volume])
    })
  })
}
