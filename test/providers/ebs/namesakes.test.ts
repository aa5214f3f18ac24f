import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

let world: EbsWorld
let driver: StorageDriver
beforeEach(async () => {
  world = await EbsWorld.open()
  driver = (await world.provider()).driver
})
afterEach(() => world.close())

const make = (name: string, zone = 'us-east-1a') => driver.createVolume(ebsSpec(name, { zone }))
async function namesakes(name: string, asked = driver) {
  const { here = [], elsewhere = [] } = (await asked.namesakes?.(name)) ?? {}
  return { here: here.map((one) => one.name).sort(), elsewhere: elsewhere.map((one) => one.name) }
}

describe('a look for a name', () => {
  test('finds it in every letter case and zone by one request', async () => {
    for (const name of ['data', 'Data', 'date', 'data2']) await make(name)
    await make('DATA', 'us-east-1b')
    world.simulator.takeCounts()
    expect(await namesakes('dAtA')).toEqual({ here: ['Data', 'data'], elsewhere: ['DATA'] })
    expect(world.simulator.takeCounts()).toEqual({ DescribeVolumes: 1 })
  })

  test('takes no other long name for it that differs in what the request leaves open', async () => {
    await make('postgres-production-data')
    await make('POSTGRES-PRODUCTION-DATA')
    await make('postgres-pr0duction-data')
    await make('posxgres-production-data')
    expect((await namesakes('Postgres-Production-Data')).here).toEqual([
      'POSTGRES-PRODUCTION-DATA',
      'postgres-production-data',
    ])
  })

  test('looks behind the configured prefix, whose letter case counts', async () => {
    await make('data')
    const prod = (await world.provider(world.here, { tag: 'prod' })).driver
    const other = (await world.provider(world.here, { tag: 'Prod' })).driver
    await prod.createVolume(ebsSpec('Data'))
    expect((await namesakes('data', prod)).here).toEqual(['Data'])
    expect((await namesakes('data', other)).here).toEqual([])
  })

  test('never leaves the zone where a name may exist once in each', async () => {
    await make('data', 'us-east-1b')
    const own = (await world.provider(world.here, { perZoneNames: true })).driver
    expect(await namesakes('data', own)).toEqual({ here: [], elsewhere: [] })
  })

  test('takes the zone where one is to be made along, where a name may exist once in each', async () => {
    const { id } = await make('data', 'us-east-1b')
    const own = (await world.provider(world.here, { perZoneNames: true })).driver
    const found = await own.namesakes?.('data', { zone: 'us-east-1b' })
    expect(found).toMatchObject({ here: [], elsewhere: [{ id }] })
  })

  test('leaves out what is being deleted', async () => {
    const { id } = await make('data')
    world.simulator.region.change(id, { state: 'deleting' })
    expect((await namesakes('data')).here).toEqual([])
  })
})

describe('a Create in another zone, where a name may exist once in each', () => {
  test('makes no second one there, however long the first one is there, and one here beside it', async () => {
    await make('data', 'us-east-1b')
    // By then EC2 has forgotten the client token.
    world.simulator.region.tokens.clear()
    const manager = await ebsMountManager(world, world.here, {}, { perZoneNames: true })
    try {
      await manager.create('data', { availabilityzone: 'us-east-1b' })
      expect(world.simulator.named('data')).toHaveLength(1)
      await manager.create('data', {})
      const zones = world.simulator.named('data').map(({ zone }) => zone)
      expect(zones.sort()).toEqual(['us-east-1a', 'us-east-1b'])
      expect((await manager.get('data')).volume.zone).toBe('us-east-1a')
    } finally {
      await manager.close()
    }
  })
})

describe('two machines that both saw that a name is free', () => {
  test.each([
    ['the same size', '1', {}],
    ['another size', '2', {}],
    ['another size in another zone', '2', { availabilityzone: 'us-east-1b' }],
  ])('and make it with %s have one volume', async (_, size, zone: Record<string, string>) => {
    await world.close()
    world = await EbsWorld.open({ delays: { tagLag: 30 } })
    const here = await ebsMountManager(world)
    const there = await ebsMountManager(world, world.there)
    try {
      for (const manager of [here, there]) await manager.get('other').catch(() => undefined)
      world.simulator.takeCounts()
      await Promise.all([
        here.create('data', { size: '1', ...zone }),
        there.create('data', { size, ...zone }),
      ])
      expect(world.simulator.count('CreateVolume')).toBeGreaterThanOrEqual(2)
      expect(world.simulator.named('data')).toHaveLength(1)
      const [{ id = '' } = {}] = world.simulator.named('data')
      expect((await there.get(id)).volume.name).toBe('data')
    } finally {
      await here.close()
      await there.close()
    }
  })
})
