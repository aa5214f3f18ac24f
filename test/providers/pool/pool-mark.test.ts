import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { PoolWorld } from '../../support/pool-world.ts'

const spec = { name: 'data', sizeGiB: 1, labels: {} }

describe('the folder of a pool whose disk is not mounted', () => {
  let world: PoolWorld
  beforeEach(async () => {
    world = await PoolWorld.make()
  })
  afterEach(() => world.cleanup())

  const driver = async () => (await world.provider(vfsDefinition, 'here')).driver
  /** What was in the pool is elsewhere; what is left is what its disk was mounted on. */
  const bare = async () => {
    await rename(world.pool, `${world.pool}-unmounted`)
    await mkdir(join(world.pool, 'lost+found'), { recursive: true })
  }
  const isTold = {
    code: 'ERR_UNAVAILABLE',
    message: expect.stringContaining('had volumes once, and is an empty folder now'),
  }

  test('is no pool without volumes: nothing is "not found" there, and nothing made', async () => {
    const before = await driver()
    await before.createVolume(spec)
    await bare()
    await expect(before.volumes({ name: 'data' })).rejects.toMatchObject(isTold)
    await expect(before.volumes()).rejects.toMatchObject(isTold)
    await expect(before.createVolume(spec)).rejects.toMatchObject(isTold)
    expect(await readdir(world.pool)).toEqual(['lost+found'])
  })

  test('is none for the next server either, whose calls name the way out', async () => {
    await (await driver()).createVolume(spec)
    await bare()
    const next = await driver()
    await expect(next.createVolume(spec)).rejects.toMatchObject(isTold)
    const said = String(await next.volumes().catch((error: unknown) => error))
    const memory = /or remove (\S+) where it is to begin anew/.exec(said)?.[1] ?? ''
    await rm(memory)
    expect(await next.volumes()).toEqual([])
  })

  test('is the pool as soon as its disk is mounted after the server has started', async () => {
    await (await driver()).createVolume(spec)
    await bare()
    const next = await driver()
    await expect(next.volumes()).rejects.toMatchObject(isTold)
    await rm(world.pool, { recursive: true })
    await rename(`${world.pool}-unmounted`, world.pool)
    expect(await next.volumes()).toMatchObject([{ name: 'data' }])
  })

  test('is known also of a pool that got its volumes from a version without marks, or lost the mark', async () => {
    const before = await driver()
    const { id } = await before.createVolume(spec)
    await rm(join(world.pool, '.pool'))
    await before.volumes()
    expect(await readdir(world.pool)).toContain('.pool')
    await before.removeVolume(id)
    expect(await before.volumes()).toEqual([])
  })

  test('is the pool again when its disk is mounted', async () => {
    const before = await driver()
    await before.createVolume(spec)
    await bare()
    await expect(before.volumes()).rejects.toMatchObject(isTold)
    await rm(world.pool, { recursive: true })
    await rename(`${world.pool}-unmounted`, world.pool)
    expect(await before.volumes()).toMatchObject([{ name: 'data' }])
  })

  test('is a new pool as long as it never had a volume', async () => {
    await driver()
    await bare()
    const next = await driver()
    await next.createVolume(spec)
    expect(await next.volumes()).toMatchObject([{ name: 'data' }])
  })

  test('is told from a pool whose volumes were removed, and from one that was moved without its hidden files', async () => {
    const one = await driver()
    const { id } = await one.createVolume(spec)
    await cp(join(world.pool, 'data'), join(world.root, 'copy'), { recursive: true })
    await one.removeVolume(id)
    expect(await (await driver()).volumes()).toEqual([])
    await bare()
    await rename(join(world.root, 'copy'), join(world.pool, 'data'))
    expect(await (await driver()).volumes()).toMatchObject([{ name: 'data' }])
  })
})
