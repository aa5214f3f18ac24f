import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AbortedError,
  AlreadyExistsError,
  InvalidArgumentError,
  NotFoundError,
  ResourceExhaustedError,
  UnavailableError,
} from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

const HOURS = 3 * 3_600_000

let world: EbsWorld
let driver: StorageDriver
beforeEach(async () => {
  world = await EbsWorld.open()
  driver = (await world.provider()).driver
})
afterEach(() => world.close())

const create = (name = 'data', rest = {}) => driver.createVolume(ebsSpec(name, rest))
/** Lets a volume have been made hours ago, as EC2 and the client token know it. */
function age(id: string): void {
  const { region } = world.simulator
  const createTime = new Date(region.clock.now() - HOURS)
  if (region.volumes.get(id) !== undefined) region.change(id, { createTime })
  for (const [token, use] of region.tokens)
    if (use.made.id === id) region.tokens.set(token, { ...use, made: { ...use.made, createTime } })
}

describe('what is made', () => {
  test('has all its tags from the first moment, in one call', async () => {
    driver = (await world.provider(world.here, { tag: 'prod', rexrayTag: 'set' })).driver
    await create('data', { labels: { fstype: 'xfs' }, tags: { team: 'db' } })
    expect(world.simulator.named('prod/data')[0]?.tags).toEqual({
      Name: 'prod/data',
      'remora/managed': 'true',
      'remora/fstype': 'xfs',
      rexraySet: 'set',
      team: 'db',
    })
    expect(world.simulator.takeCounts()).toEqual({ CreateVolume: 1, DescribeVolumes: 1 })
  })

  test('is gp3 in the zone of this machine unless it is asked for otherwise', async () => {
    expect(await create()).toMatchObject({ type: 'gp3', zone: 'us-east-1a', iops: 3_000 })
    const other = { type: 'io2', iops: 200, zone: 'us-east-1b', sizeGiB: 4 }
    expect(await create('other', other)).toMatchObject(other)
  })

  test('is encrypted with the key that is named, else with the configured one', async () => {
    const { keys } = world.simulator.region
    keys.set('named', 'usable').set('configured', 'usable')
    driver = (await world.provider(world.here, { kmsKeyID: 'configured' })).driver
    const keyOf = (id: string) => world.simulator.region.volume(id).kmsKeyId
    expect(keyOf((await create('a', { encryptionKey: 'named' })).id)).toBe('named')
    expect(keyOf((await create('b', { encrypted: true })).id)).toBe('configured')
    expect(keyOf((await create('c')).id)).toBeUndefined()
  })

  test('is a copy of a volume or of a snapshot, and says so', async () => {
    const { id } = await create()
    const copy = await create('copy', { source: { kind: 'volume', id } })
    expect(copy).toMatchObject({ madeFrom: 'volume', type: 'gp3', managed: true })
    const snapshot = await driver.snapshots?.create(id, { name: 's', labels: {} })
    const snapshotId = snapshot?.id ?? ''
    await eventually(() =>
      expect(world.simulator.region.snapshots.get(snapshotId)?.state).toBe('completed'),
    )
    const source = { kind: 'snapshot', id: snapshotId }
    expect(await create('restored', { source })).toMatchObject({ madeFrom: 'snapshot' })
    const missing = { source: { kind: 'snapshot', id: 'snap-0aaaaaaaaaaaaaaaa' } }
    await expect(create('none', missing)).rejects.toThrow(NotFoundError)
    await expect(create('none', missing)).rejects.toThrow(
      'snapshot snap-0aaaaaaaaaaaaaaaa not found',
    )
  })

  test('is refused in a zone that does not exist', async () => {
    await expect(create('data', { zone: 'us-east-1z' })).rejects.toThrow(InvalidArgumentError)
  })
})

describe('one volume and not two', () => {
  test.each(['before', 'after'] as const)('when the connection drops %s the work', async (when) => {
    world.simulator.faults.next('CreateVolume', { kind: 'drop', when })
    const made = await create()
    expect(world.simulator.named('data').map(({ id }) => id)).toEqual([made.id])
  })

  test('when EC2 fails again and again', async () => {
    const failure = { kind: 'error', code: 'InternalError', status: 500 } as const
    world.simulator.faults.next('CreateVolume', failure, { kind: 'drop', when: 'after' }, failure)
    await create()
    expect(world.simulator.named('data')).toHaveLength(1)
  })

  test('when a process dies after its request and another one asks again', async () => {
    const dying = new AbortController()
    world.simulator.faults.next('DescribeVolumes', { kind: 'hang' })
    const cut = driver.createVolume(ebsSpec('data'), { signal: dying.signal })
    await eventually(() => expect(world.simulator.count('DescribeVolumes')).toBe(1))
    dying.abort()
    await expect(cut).rejects.toThrow(AbortedError)
    const next = await (await world.provider()).driver.createVolume(ebsSpec('data'))
    expect(world.simulator.named('data').map(({ id }) => id)).toEqual([next.id])
  })

  test('however late it is asked again: the volume that lives is named', async () => {
    const { id } = await create()
    age(id)
    await expect(create()).rejects.toThrow(AlreadyExistsError)
    await expect(create()).rejects.toThrow(`volume "data" exists already as ${id}`)
    expect(world.simulator.named('data')).toHaveLength(1)
  })

  test('when two machines make it at once', async () => {
    const other = (await world.provider(world.there)).driver
    const [one, two] = await Promise.all([create(), other.createVolume(ebsSpec('data'))])
    expect(two.id).toBe(one.id)
    expect(world.simulator.named('data')).toHaveLength(1)
  })

  test('when two machines make it at once with different sizes, though look-ups lag', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 5, tagLag: 15 } })
    driver = (await world.provider()).driver
    const other = (await world.provider(world.there)).driver
    const results = await Promise.allSettled([
      create(),
      other.createVolume(ebsSpec('data', { sizeGiB: 2 })),
    ])
    const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toHaveLength(1)
    expect(refused[0]).toBeInstanceOf(AlreadyExistsError)
    expect(String(refused[0])).toContain(world.simulator.named('data')[0]?.id)
    expect(world.simulator.named('data')).toHaveLength(1)
  })

  test('when the reply was lost and the repeat is told that the limit is reached', async () => {
    const { region, faults } = world.simulator
    region.limits.volumes = region.volumes.all().length + 1
    faults.next('CreateVolume', { kind: 'drop', when: 'after' })
    await expect(create()).rejects.toThrow(AlreadyExistsError)
    expect(world.simulator.named('data')).toHaveLength(1)
  })

  test('and none where the limit is reached already', async () => {
    world.simulator.region.limits.volumes = 0
    await expect(create()).rejects.toThrow(ResourceExhaustedError)
    expect(world.simulator.named('data')).toEqual([])
  })
})

describe('a name that is used again', () => {
  const isGone = (id: string) =>
    eventually(() => expect(world.simulator.region.volumes.get(id)).toBeUndefined())

  test('right after its volume was removed', async () => {
    const { id } = await create()
    await driver.removeVolume(id)
    expect((await create()).id).not.toBe(id)
  })

  test('by another machine, when EC2 shows nothing of the old one any more', async () => {
    const { id } = await create()
    await driver.removeVolume(id)
    await isGone(id)
    const other = (await world.provider(world.there)).driver
    expect((await other.createVolume(ebsSpec('data'))).id).not.toBe(id)
  })

  test('hours later, several times, within the life of the tokens', async () => {
    const ids = new Set<string>()
    for (let round = 0; round < 4; round += 1) {
      const { id } = await create()
      ids.add(id)
      await driver.removeVolume(id)
      await isGone(id)
      age(id)
    }
    expect(ids.size).toBe(4)
  })

  test('with another size', async () => {
    const { id } = await create()
    await driver.removeVolume(id)
    expect(await create('data', { sizeGiB: 2 })).toMatchObject({ sizeGiB: 2 })
    expect(world.simulator.named('data')).toHaveLength(1)
  })
})

describe.each([
  ['ahead of', -HOURS],
  ['a little ahead of', -20_000],
  ['behind', HOURS],
  ['a little behind', 20_000],
])('where the clock of this machine is %s that of EC2', (_, advanceMs) => {
  beforeEach(() => world.simulator.region.clock.advance(advanceMs))

  test('what was just made is known to be new, also while look-ups lag', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 100 } })
    world.simulator.region.clock.advance(advanceMs)
    driver = (await world.provider()).driver
    const { id } = await create()
    expect(world.simulator.named('data').map((one) => one.id)).toEqual([id])
  })

  test('a volume that lives from before is named, and one that is gone is no hindrance', async () => {
    const { id } = await create()
    age(id)
    await expect(create()).rejects.toThrow(`volume "data" exists already as ${id}`)
    await driver.removeVolume(id)
    await eventually(() => expect(world.simulator.region.volumes.get(id)).toBeUndefined())
    age(id)
    expect((await create()).id).not.toBe(id)
    expect(world.simulator.named('data')).toHaveLength(1)
  })
})

describe('a key that cannot be used', () => {
  test('is named as the likely cause when the volume vanishes, and nothing stays', async () => {
    const made = create('data', { encryptionKey: 'disabled' })
    await expect(made).rejects.toThrow(UnavailableError)
    await expect(made).rejects.toThrow(
      /given up by it, see whether its KMS key is enabled .*kms:CreateGrant/,
    )
    expect(world.simulator.named('data')).toEqual([])
  })

  test('leaves no volume in error behind', async () => {
    world.simulator.region.keys.set('broken', 'error')
    await expect(create('data', { encryptionKey: 'broken' })).rejects.toThrow(/KMS key/)
    expect(world.simulator.named('data')).toEqual([])
  })

  test('whose volume in error cannot be deleted either is named all the same, with the volume', async () => {
    const { keys, denied } = world.simulator.region
    keys.set('broken', 'error')
    denied.add('DeleteVolume')
    await expect(create('data', { encryptionKey: 'broken' })).rejects.toThrow(
      /KMS key is enabled .*, and delete vol-0\w+$/,
    )
    keys.set('broken', 'usable')
    expect(await create('data', { encryptionKey: 'broken' })).toMatchObject({ state: 'available' })
  })

  test('that was mended is no hindrance to the next try', async () => {
    const { keys } = world.simulator.region
    await expect(create('data', { encryptionKey: 'k' })).rejects.toThrow(UnavailableError)
    keys.set('k', 'usable')
    expect(await create('data', { encryptionKey: 'k' })).toMatchObject({ encrypted: true })
  })

  test('is suspected of the account where no encryption was asked for', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { create: 60_000 } })
    driver = (await world.provider()).driver
    const refused = expect(create()).rejects.toThrow(/the account encrypts by default/)
    await eventually(() => expect(world.simulator.count('DescribeVolumes')).toBeGreaterThan(1))
    world.simulator.region.volumes.set(world.simulator.named('data')[0]?.id ?? '', undefined)
    await refused
  })
})

test('a volume that stays creating is said, with its id, when the time is up', async () => {
  await world.close()
  world = await EbsWorld.open({ delays: { create: 60_000 } })
  driver = (await world.provider(world.here, { statusTimeout: '200ms' })).driver
  await expect(create()).rejects.toThrow(
    /is made as vol-0\w+, but EC2 still says creating after 0.2 s, try again/,
  )
})
