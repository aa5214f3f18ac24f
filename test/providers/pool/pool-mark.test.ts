import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
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

  test('is remembered without what a process left that died while it noted it', async () => {
    await (await driver()).createVolume(spec)
    const memories = join(world.root, 'pools')
    const dead = leftoverName('marking', { ...identifySelf(), startTime: '1' })
    const living = leftoverName('marking')
    await writeFile(join(memories, dead), '')
    await writeFile(join(memories, living), '')
    await (await driver()).volumes()
    const left = await readdir(memories)
    expect(left).not.toContain(dead)
    expect(left).toContain(living)
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

describe('another pool in the place of one', () => {
  let world: PoolWorld
  beforeEach(async () => {
    world = await PoolWorld.make()
  })
  afterEach(() => world.cleanup())

  const open = () => world.provider(vfsDefinition, 'here')
  /** A machine of its own, as far as memories go, has had volumes in a pool that lies at this place now. */
  const replace = async () => {
    await rename(world.pool, `${world.pool}-first`)
    const memories = join(world.root, 'pools')
    await rename(memories, `${memories}-first`)
    await (await open()).driver.createVolume(spec)
    await rm(memories, { recursive: true })
    await rename(`${memories}-first`, memories)
  }

  test('is not served: a volume of its may have the name of one that is not there', async () => {
    await (await open()).driver.createVolume(spec)
    await replace()
    await expect(open()).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: expect.stringContaining('is another one than this machine had its volumes in'),
    })
    await rm(world.pool, { recursive: true })
    await rename(`${world.pool}-first`, world.pool)
    expect(await (await open()).driver.volumes()).toMatchObject([{ name: 'data' }])
  })

  test('is not served where it is mounted after the server has started either', async () => {
    await (await open()).driver.createVolume(spec)
    await replace()
    await rename(world.pool, `${world.pool}-second`)
    await mkdir(world.pool)
    const { driver } = await open()
    await rm(world.pool, { recursive: true })
    await rename(`${world.pool}-second`, world.pool)
    const isOther = { message: expect.stringContaining('is another one than this machine had') }
    await expect(driver.volumes({ name: 'data' })).rejects.toMatchObject(isOther)
    await expect(driver.volumes()).rejects.toMatchObject(isOther)
    await expect(driver.createVolume({ ...spec, name: 'b' })).rejects.toMatchObject(isOther)
  })

  test('is served when its memory is removed, as the error says', async () => {
    await (await open()).driver.createVolume(spec)
    await replace()
    const said = String(await open().catch((error: unknown) => error))
    const memory = /or remove (\S+) to use this one/.exec(said)?.[1] ?? ''
    await rm(memory)
    await open()
    expect(await (await open()).driver.volumes()).toMatchObject([{ name: 'data' }])
  })

  test('is the same pool where it was copied, or lost its mark on the way', async () => {
    const { driver } = await open()
    await driver.createVolume(spec)
    await rm(join(world.pool, '.pool'))
    await driver.volumes()
    await rename(world.pool, `${world.pool}-first`)
    await cp(`${world.pool}-first`, world.pool, { recursive: true })
    expect(await (await open()).driver.volumes()).toMatchObject([{ name: 'data' }])
  })
})
