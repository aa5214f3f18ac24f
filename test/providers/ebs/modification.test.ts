import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AbortedError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  UnavailableError,
} from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let driver: StorageDriver
beforeEach(async () => {
  world = await EbsWorld.open()
  driver = (await world.provider()).driver
})
afterEach(() => world.close())

const make = async (rest = {}) => (await driver.createVolume(ebsSpec('data', rest))).id
const change = async (id: string, wanted: { sizeGiB?: number; type?: string; iops?: number }) =>
  await driver.modifyVolume?.(id, wanted)

describe('a change', () => {
  test('is there when the new size can be used, long before EBS has done all of it', async () => {
    const id = await make()
    expect(await change(id, { sizeGiB: 3 })).toMatchObject({ id, sizeGiB: 3 })
    expect(world.simulator.region.modifications.get(id)?.[0]?.state).toBe('optimizing')
    expect(await driver.volume(id)).toMatchObject({ sizeGiB: 3 })
  })

  test('that changes nothing is not asked for: EC2 would begin its pause', async () => {
    const id = await make()
    world.simulator.takeCounts()
    await change(id, { sizeGiB: 1, type: 'gp3' })
    expect(world.simulator.takeCounts()).toEqual({ DescribeVolumes: 1 })
  })

  test('costs one request and two look-ups', async () => {
    const id = await make()
    world.simulator.takeCounts()
    await change(id, { sizeGiB: 2 })
    const counts = world.simulator.takeCounts()
    expect(counts).toMatchObject({ DescribeVolumes: 1, ModifyVolume: 1 })
  })

  test('of the size alone keeps the rate of a type that must have one', async () => {
    const id = await make({ type: 'io2', iops: 200, sizeGiB: 4 })
    expect(await change(id, { sizeGiB: 5 })).toMatchObject({ sizeGiB: 5, iops: 200 })
  })

  test('of the type and the rate goes together', async () => {
    const id = await make({ type: 'gp2', sizeGiB: 100 })
    await change(id, { type: 'gp3', iops: 4_000 })
    expect(await driver.volume(id)).toMatchObject({ type: 'gp3', iops: 4_000 })
  })

  test('to a smaller size, to a wrong rate or of nothing is refused', async () => {
    const id = await make({ sizeGiB: 2 })
    await expect(change(id, { sizeGiB: 1 })).rejects.toThrow(InvalidArgumentError)
    await expect(change(id, { iops: 100 })).rejects.toThrow(InvalidArgumentError)
    await expect(change('vol-0aaaaaaaaaaaaaaaa', { sizeGiB: 9 })).rejects.toThrow(NotFoundError)
  })

  test('is refused while the last one is not through, with that as the way out', async () => {
    const id = await make()
    await change(id, { sizeGiB: 2 })
    const next = change(id, { sizeGiB: 3 })
    await expect(next).rejects.toThrow(FailedPreconditionError)
    await expect(next).rejects.toThrow(/IncorrectModificationState.*wait until the last change/)
  })

  test('whose reply was lost is made once, and waited for', async () => {
    const id = await make()
    world.simulator.faults.next('ModifyVolume', { kind: 'drop', when: 'after' })
    expect(await change(id, { sizeGiB: 2 })).toMatchObject({ sizeGiB: 2 })
    expect(world.simulator.region.modifications.get(id)).toHaveLength(1)
  })

  test('whose reply was lost is waited for though EC2 does not show it at once', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 30 } })
    driver = (await world.provider(world.here, { maxRetries: 0 })).driver
    const id = await make()
    world.simulator.faults.next('ModifyVolume', { kind: 'drop', when: 'after' })
    expect(await change(id, { sizeGiB: 2 })).toMatchObject({ sizeGiB: 2 })
    expect(world.simulator.region.modifications.get(id)).toHaveLength(1)
  })

  test.each(['failed', 'completed'] as const)(
    'is not taken for an earlier one that %s, which EC2 still shows',
    async (state) => {
      await world.close()
      world = await EbsWorld.open({ delays: { lag: 150 } })
      driver = (await world.provider()).driver
      const id = await make()
      const { region } = world.simulator
      const shape = region.volume(id)
      const startTime = new Date(region.clock.now() - 7 * 3_600_000)
      const earlier = { volumeId: id, state, startTime, from: shape, to: shape }
      region.modifications.set(id, [{ ...earlier, statusMessage: 'out of space' }])
      await eventually(() => expect(region.modifications.seen()).toHaveLength(1))
      await change(id, { sizeGiB: 3 })
      expect(region.volume(id).sizeGiB).toBe(3)
    },
  )
})

describe('a snapshot', () => {
  const snapshots = () => driver.snapshots
  const create = async (id: string, name = 's') =>
    await snapshots()?.create(id, { name, labels: { fstype: 'xfs' } })

  test('is found by its name and by its volume, and is complete later', async () => {
    const id = await make()
    const made = await create(id)
    expect(made).toMatchObject({
      name: 's',
      volumeId: id,
      sizeGiB: 1,
      state: 'pending',
      labels: { fstype: 'xfs' },
    })
    expect(await snapshots()?.list({ name: 's' })).toHaveLength(1)
    expect(await snapshots()?.list({ name: 'other' })).toEqual([])
    expect(await snapshots()?.list({ volumeId: id })).toHaveLength(1)
    await eventually(async () => expect((await snapshots()?.list())?.[0]?.state).toBe('complete'))
    await snapshots()?.remove(made?.id ?? '')
    expect(await snapshots()?.list()).toEqual([])
    await expect(snapshots()?.remove(made?.id ?? '')).rejects.toThrow(NotFoundError)
  })

  test('whose reply was lost is the one that was taken', async () => {
    const id = await make()
    world.simulator.faults.next('CreateSnapshot', { kind: 'drop', when: 'after' })
    const made = await create(id)
    expect(world.simulator.region.snapshots.all().map((one) => one.id)).toEqual([made?.id])
  })

  test('whose reply was lost is found also where EC2 shows it late', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 80 } })
    driver = (await world.provider()).driver
    const id = await make()
    world.simulator.faults.next('CreateSnapshot', { kind: 'drop', when: 'after' })
    const made = await create(id)
    expect(world.simulator.region.snapshots.all().map((one) => one.id)).toEqual([made?.id])
  })

  test('whose reply was lost is not looked for longer than its caller waits', async () => {
    const id = await make()
    const { faults } = world.simulator
    faults.next('CreateSnapshot', { kind: 'drop', when: 'after' })
    faults.always('DescribeSnapshots', { kind: 'hang' })
    const caller = new AbortController()
    const { signal } = caller
    const cut = snapshots()?.create(id, { name: 's', labels: {} }, { signal })
    await eventually(() => expect(world.simulator.count('DescribeSnapshots')).toBe(1))
    caller.abort()
    await expect(cut).rejects.toThrow(AbortedError)
  })

  test('that EC2 cannot be asked for is refused with what is in the way', async () => {
    const id = await make()
    const settings = { endpoint: 'http://127.0.0.1:1', maxRetries: 0 }
    driver = (await world.provider(world.here, settings)).driver
    await expect(create(id)).rejects.toThrow(UnavailableError)
    await expect(create(id)).rejects.toThrow(/ECONNREFUSED/)
  })

  test.each([
    ['is lost', { kind: 'drop', when: 'before' }],
    ['is answered by an error of EC2', { kind: 'error', code: 'InternalError', status: 500 }],
  ] as const)('whose request %s is not asked for a second time', async (_, fault) => {
    const id = await make()
    world.simulator.faults.next('CreateSnapshot', fault)
    world.simulator.takeCounts()
    await expect(create(id)).rejects.toThrow(
      /^snapshot "s" of vol-\w+ may have been taken: .*ec2:CreateSnapshot: .*, look whether it is there before/,
    )
    expect(world.simulator.takeCounts()).toMatchObject({ CreateSnapshot: 1 })
  })

  test('that was throttled is asked for again, and taken once', async () => {
    const id = await make()
    world.simulator.faults.next('CreateSnapshot', { kind: 'throttle' }, { kind: 'throttle' })
    const made = await create(id)
    expect(world.simulator.region.snapshots.all().map((one) => one.id)).toEqual([made?.id])
  })

  test.each([-20_000, 20_000])(
    'whose request was lost is not the one before it, and whose reply was lost is, with a clock that is %i ms off',
    async (ms) => {
      const { region, faults } = world.simulator
      region.clock.advance(ms)
      driver = (await world.provider(world.here, { maxRetries: 0 })).driver
      const id = await make()
      const earlier = (await create(id))?.id ?? ''
      const known = region.snapshots.get(earlier)
      const startTime = new Date(region.clock.now() - 16_000)
      if (known !== undefined) region.snapshots.set(earlier, { ...known, startTime })
      faults.next('CreateSnapshot', { kind: 'drop', when: 'before' })
      await expect(create(id)).rejects.toThrow(/CreateSnapshot/)
      faults.next('CreateSnapshot', { kind: 'drop', when: 'after' })
      expect((await create(id))?.id).not.toBe(earlier)
      expect(region.snapshots.all()).toHaveLength(2)
    },
  )

  test('right after another one is refused with its own way out', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { snapshotPause: 60_000 } })
    driver = (await world.provider()).driver
    const id = await make()
    await create(id, 'first')
    await expect(create(id, 'second')).rejects.toThrow(
      /SnapshotCreationPerVolumeRateExceeded.*wait/,
    )
  })

  test('of a volume that is not there is refused', async () => {
    await expect(create('vol-0aaaaaaaaaaaaaaaa')).rejects.toThrow(NotFoundError)
  })
})
