import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AbortedError, AlreadyExistsError, NotFoundError } from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { sleep } from '../../../src/libstorage/wait.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import type { Delays } from '../../support/ec2/delays.ts'
import { eventually } from '../../support/eventually.ts'

/** What are 25 s to the provider, and 15 s, in milliseconds: so long EC2 hides here what it has made. */
const HIDDEN_MS = 250
const NAME_HIDDEN_MS = 150

let world: EbsWorld
let driver: StorageDriver
beforeEach(() => open({ lag: HIDDEN_MS }))
afterEach(() => world.close())

async function open(delays: Partial<Delays>): Promise<void> {
  await world?.close()
  world = await EbsWorld.open({ delays })
  driver = (await world.provider()).driver
}
const create = (rest = {}) => driver.createVolume(ebsSpec('data', rest))
const elsewhere = async () => (await world.provider(world.there)).driver
const made = () => world.simulator.named('data').map(({ id }) => id)

/** A process that dies when EC2 has taken its request. */
async function dies(): Promise<void> {
  const dying = new AbortController()
  const end = world.simulator.faults.always('DescribeVolumes', { kind: 'hang' })
  const cut = driver.createVolume(ebsSpec('data'), { signal: dying.signal })
  await eventually(() => expect(made()).toHaveLength(1))
  dying.abort()
  await expect(cut).rejects.toThrow(AbortedError)
  end()
}

describe('one volume, though EC2 hides for long what it has made,', () => {
  test('when a process dies after its request and another one asks again a while later', async () => {
    const after = (await world.provider()).driver
    await after.volumes()
    await dies()
    await sleep(40)
    const next = await after.createVolume(ebsSpec('data'))
    expect(made()).toEqual([next.id])
  })

  test.each([1_000, -1_000])('where EC2 is %i ms ahead of this machine', async (advanceMs) => {
    world.simulator.region.clock.advance(advanceMs)
    const { id } = await create()
    expect(made()).toEqual([id])
  })

  test('when two machines make it at once with different sizes', async () => {
    await open({ lag: NAME_HIDDEN_MS })
    const other = await elsewhere()
    const results = await Promise.allSettled([
      create(),
      other.createVolume(ebsSpec('data', { sizeGiB: 2 })),
    ])
    const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(made()).toHaveLength(1)
    expect(refused).toEqual([expect.any(AlreadyExistsError)])
  })

  test('when it hides by its name alone', async () => {
    await open({ tagLag: NAME_HIDDEN_MS })
    const other = await elsewhere()
    await Promise.allSettled([create(), other.createVolume(ebsSpec('data', { sizeGiB: 2 }))])
    expect(made()).toHaveLength(1)
  })
})

describe('what is being made', () => {
  test('is not given up when one look does not show it any more', async () => {
    await open({ create: 400 })
    const { volumes: shown } = world.simulator.region
    const seen = shown.seen.bind(shown)
    let looks = 0
    shown.seen = () => {
      const all = seen()
      if (!all.some(({ tags }) => tags['Name'] === 'data')) return all
      looks += 1
      // Another server of EC2 answers, which does not know it yet.
      return looks === 2 ? all.filter(({ tags }) => tags['Name'] !== 'data') : all
    }
    expect(await create()).toMatchObject({ state: 'available' })
    expect(looks).toBeGreaterThan(2)
  })
})

describe('a name whose volume was removed', () => {
  const isGone = (id: string) =>
    eventually(() => expect(world.simulator.region.volumes.get(id)).toBeUndefined())
  async function cycle(of: StorageDriver, sizeGiB: number): Promise<void> {
    const { id } = await of.createVolume(ebsSpec('data', { sizeGiB }))
    await of.removeVolume(id)
    await isGone(id)
  }

  test('is not given to it again while EC2 still shows it', async () => {
    const { id } = await create()
    await driver.removeVolume(id)
    const next = await create()
    expect(next.id).not.toBe(id)
    expect(made()).toEqual([next.id])
  })

  test('is not given to it again by a Create after a Remove', async () => {
    const manager = await ebsMountManager(world)
    try {
      await manager.create('data', {})
      const { id } = (await manager.get('data')).volume
      await manager.remove('data')
      await manager.create('data', {})
      const { volume } = await manager.get('data')
      expect(volume.id).not.toBe(id)
      expect(made()).toEqual([volume.id])
    } finally {
      await manager.close()
    }
  })

  test('is given to one of another size while EC2 still shows it, made by another machine', async () => {
    await open({ lag: 0, tagLag: 0 })
    const { id } = await (await elsewhere()).createVolume(ebsSpec('data'))
    const { volumes: shown } = world.simulator.region
    const seen = shown.seen.bind(shown)
    const [before] = seen().filter((one) => one.id === id)
    await driver.removeVolume(id)
    // Another server of EC2 answers, which does not know that yet.
    shown.seen = () => [
      ...seen().filter((one) => one.id !== id),
      ...(before ? [{ ...before, state: 'available' as const }] : []),
    ]
    const next = await create({ sizeGiB: 2 })
    expect(next.id).not.toBe(id)
  })

  test('is given to one of another size at once by who knows that', async () => {
    await open({ lag: 0, tagLag: 0 })
    await cycle(driver, 1)
    world.simulator.takeCounts()
    expect(await create({ sizeGiB: 2 })).toMatchObject({ sizeGiB: 2 })
    expect(world.simulator.takeCounts()).toEqual({ CreateVolume: 2, DescribeVolumes: 1 })
  })

  test('is given to one of another size by who does not know that, when EC2 surely hides none', async () => {
    await open({ lag: 0, tagLag: 0 })
    for (const sizeGiB of [1, 2, 3, 4]) await cycle(driver, sizeGiB)
    world.simulator.takeCounts()
    const next = await (await elsewhere()).createVolume(ebsSpec('data', { sizeGiB: 5 }))
    expect(made()).toEqual([next.id])
    // Looked for by its name for long where that matters most, and not so long each time that no Create would end.
    const { DescribeVolumes = 0, ...others } = world.simulator.takeCounts()
    expect(others).toEqual({ CreateVolume: 5 })
    expect(DescribeVolumes).toBeLessThan(40)
  })

  test('is given to one of another size by a repeat whose time is short', async () => {
    await open({ lag: 0, tagLag: 0 })
    await cycle(driver, 1)
    const other = await elsewhere()
    const asked = ebsSpec('data', { sizeGiB: 2 })
    const hasty = new AbortController()
    world.simulator.takeCounts()
    const begun = performance.now()
    const cut = other.createVolume(asked, { signal: hasty.signal })
    const looks = () => world.simulator.count('DescribeVolumes')
    await eventually(() => expect(looks()).toBeGreaterThan(0))
    hasty.abort()
    await expect(cut).rejects.toThrow(AbortedError)
    await eventually(() => expect(performance.now() - begun).toBeGreaterThan(250))
    world.simulator.takeCounts()
    expect(await other.createVolume(asked)).toMatchObject({ sizeGiB: 2 })
    expect(looks()).toBeLessThan(6)
  })
})

describe('what was made a moment ago', () => {
  const unknown = { kind: 'error', code: 'InvalidVolume.NotFound', status: 400 } as const
  beforeEach(() => open({}))

  test('is attached and removed though not all of EC2 knows it yet', async () => {
    const { region, faults } = world.simulator
    const { id } = await create()
    const isNew = () => region.change(id, { createTime: new Date(region.clock.now()) })
    faults.next('AttachVolume', unknown)
    isNew()
    await driver.attachVolume(id, world.here.id)
    await eventually(() => driver.detachVolume(id, world.here.id))
    faults.next('DeleteVolume', unknown)
    isNew()
    await driver.removeVolume(id)
    expect(made()).toEqual([])
  })

  const throttled = { kind: 'error', code: 'RequestLimitExceeded', status: 503 } as const
  const madeNow = (id: string) =>
    world.simulator.region.change(id, { createTime: new Date(world.simulator.region.clock.now()) })
  /** So many looks do not show it. */
  function hide(id: string, looks: number): void {
    const { volumes: shown } = world.simulator.region
    const seen = shown.seen.bind(shown)
    let left = looks
    shown.seen = () => seen().filter((one) => one.id !== id || left-- <= 0)
  }

  test('is removed where a request was throttled and the next one told that there is none', async () => {
    const { id } = await create()
    world.simulator.faults.next('DeleteVolume', throttled, unknown)
    madeNow(id)
    await driver.removeVolume(id)
    expect(made()).toEqual([])
  })

  test('is removed though one look does not show it', async () => {
    const { id } = await create()
    world.simulator.faults.next('DeleteVolume', unknown)
    madeNow(id)
    hide(id, 1)
    await driver.removeVolume(id)
    expect(made()).toEqual([])
  })

  test.each([0, 1])(
    'is detached though not all of EC2 knows it, and %i looks do not show it',
    async (looks) => {
      const { id } = await create()
      await driver.attachVolume(id, world.here.id)
      await eventually(async () =>
        expect(await driver.volume(id)).toMatchObject({ attachments: [{ state: 'attached' }] }),
      )
      world.simulator.faults.next('DetachVolume', unknown)
      madeNow(id)
      hide(id, looks)
      await driver.detachVolume(id, world.here.id)
      expect(await driver.volume(id)).toMatchObject({ attachments: [] })
    },
  )

  test('is not said to be removed or detached while EC2 shows it and says that there is none', async () => {
    const { id } = await create()
    await driver.attachVolume(id, world.here.id)
    const { faults } = world.simulator
    faults.always('DetachVolume', unknown)
    faults.always('DeleteVolume', unknown)
    const isTold = { code: 'ERR_UNAVAILABLE', message: expect.stringContaining('is shown by EC2') }
    await expect(driver.detachVolume(id, world.here.id)).rejects.toMatchObject(isTold)
    await expect(driver.removeVolume(id)).rejects.toMatchObject(isTold)
  })

  test.each([
    ['AttachVolume', (id: string) => driver.attachVolume(id, world.here.id)],
    ['DeleteVolume', (id: string) => driver.removeVolume(id)],
  ] as const)('is not found where it is gone by then: %s', async (action, ask) => {
    const { id } = await create()
    await driver.removeVolume(id)
    await eventually(() => expect(world.simulator.region.volumes.get(id)).toBeUndefined())
    world.simulator.takeCounts()
    await expect(ask(id)).rejects.toThrow(NotFoundError)
    expect(world.simulator.count(action)).toBe(1)
  })

  test('is not waited for when it was made long ago', async () => {
    const { id } = await create()
    world.simulator.region.change(id, { createTime: new Date(Date.now() - 3_600_000) })
    world.simulator.faults.next('AttachVolume', unknown, unknown)
    await expect(driver.attachVolume(id, world.here.id)).rejects.toThrow(NotFoundError)
    expect(world.simulator.count('AttachVolume')).toBe(1)
  })
})
