import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

/** Longer than an answer of EC2 takes, and far shorter than a request is waited for. */
const SOON_MS = 5_000

let world: EbsWorld
let driver: StorageDriver
let ids: readonly string[]
beforeEach(async () => {
  world = await EbsWorld.open()
  driver = (await world.provider()).driver
  const names = ['one', 'two', 'three']
  ids = await Promise.all(names.map(async (name) => (await driver.createVolume(ebsSpec(name))).id))
  world.simulator.takeCounts()
})
afterEach(() => world.close())

const look = (index: number, signal?: AbortSignal) =>
  driver.volume(ids[index] ?? '', signal === undefined ? {} : { signal })

describe('looks at volumes by id', () => {
  test('that are asked for while one is under way share the next one', async () => {
    world.simulator.faults.next('DescribeVolumes', { kind: 'slow', ms: 100 })
    const first = look(0)
    await eventually(() => expect(world.simulator.count('DescribeVolumes')).toBe(1))
    const others = await Promise.all([look(1), look(2), look(1)])
    expect(others.map(({ id }) => id)).toEqual([ids[1], ids[2], ids[1]])
    expect((await first).id).toBe(ids[0])
    expect(world.simulator.takeCounts()).toEqual({ DescribeVolumes: 2 })
  })

  test('are not held up by one that EC2 does not answer', async () => {
    world.simulator.faults.next('DescribeVolumes', { kind: 'hang' })
    const gone = new AbortController()
    const hung = look(0, gone.signal)
    await eventually(() => expect(world.simulator.count('DescribeVolumes')).toBe(1))
    const others = await Promise.all([
      look(1, AbortSignal.timeout(SOON_MS)),
      look(0, AbortSignal.timeout(SOON_MS)),
    ])
    expect(others.map(({ id }) => id)).toEqual([ids[1], ids[0]])
    gone.abort()
    await expect(hung).rejects.toThrow('was given up by its caller')
  })
})
