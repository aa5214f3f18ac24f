import { beforeEach, describe, expect, test } from 'vitest'
import { VolumeCatalog } from '../../src/libstorage/catalog.ts'
import { NotFoundError, UnavailableError } from '../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../src/libstorage/storage-driver.ts'
import { LaggingDriver } from '../support/lagging-driver.ts'
import { MemoryPlatform } from '../support/memory-platform.ts'

let platform: MemoryPlatform
let driver: StorageDriver
let lagging: LaggingDriver
let catalog: VolumeCatalog
beforeEach(() => {
  platform = new MemoryPlatform()
  driver = platform.provider('here').driver
  lagging = new LaggingDriver(driver)
  catalog = new VolumeCatalog(lagging.driver, platform.provider('here'), () => platform.clock.now())
})

async function makeLagging() {
  await lagging.lag()
  const volume = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  catalog.created(volume)
  return volume
}

async function attachLagging() {
  const volume = platform.add({ name: 'data' })
  await lagging.lag()
  const attachment = await driver.attachVolume(volume.id, 'here')
  catalog.attached(volume, attachment)
  return { volume, attachment }
}

async function detachLagging() {
  const volume = platform.add({ name: 'data' })
  const attachment = await driver.attachVolume(volume.id, 'here')
  await lagging.lag()
  await driver.detachVolume(volume.id, 'here')
  catalog.detached(volume, attachment)
  return volume
}

describe('for 30 s the platform is not believed that', () => {
  test('a volume made here is not there', async () => {
    const { id } = await makeLagging()
    platform.clock.advance(29_999)
    expect((await catalog.find('data')).id).toBe(id)
    expect((await catalog.list()).map((volume) => volume.id)).toEqual([id])
    platform.clock.advance(30_000)
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
  })

  test('a volume made here is not there, though it was attached and detached since', async () => {
    const volume = await makeLagging()
    const attachment = await driver.attachVolume(volume.id, 'here')
    catalog.attached(volume, attachment)
    platform.clock.advance(10_000)
    await driver.detachVolume(volume.id, 'here')
    catalog.detached(volume, attachment)
    expect(await catalog.find('data', { fresh: true })).toMatchObject({
      ...volume,
      attachments: [],
    })
    // By then it was seen 30 s ago for the last time: who else has removed it is believed.
    platform.clock.advance(20_000)
    await expect(catalog.find('data', { fresh: true })).rejects.toThrow(NotFoundError)
  })

  test('a volume removed here is still there', async () => {
    const volume = platform.add({ name: 'data' })
    await lagging.lag()
    await driver.removeVolume(volume.id)
    catalog.removed(volume)
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    expect(await catalog.list()).toEqual([])
    platform.clock.advance(30_000)
    expect((await catalog.find('data')).id).toBe(volume.id)
  })

  test('a volume attached here is free', async () => {
    const { attachment } = await attachLagging()
    const found = await catalog.find('data')
    expect(found).toMatchObject({ state: 'in-use', attachments: [attachment] })
    platform.clock.advance(30_000)
    expect((await catalog.find('data')).attachments).toEqual([])
  })

  test('a volume detached here is attached', async () => {
    await detachLagging()
    expect(await catalog.find('data')).toMatchObject({ state: 'available', attachments: [] })
    platform.clock.advance(30_000)
    expect((await catalog.find('data')).attachments).toHaveLength(1)
  })

  test('a volume is attached whose attach no reply told of, and that was detached here', async () => {
    const volume = platform.add({ name: 'data' })
    await driver.attachVolume(volume.id, 'here')
    await lagging.lag()
    await driver.detachVolume(volume.id, 'here')
    catalog.detached(volume, { instanceId: 'here' })
    expect(await catalog.find('data')).toMatchObject({ state: 'available', attachments: [] })
  })

  test('a volume attached here a second time still has its first attachment', async () => {
    const volume = platform.add({ name: 'data' })
    await driver.attachVolume(volume.id, 'here')
    await lagging.lag()
    await driver.detachVolume(volume.id, 'here')
    const second = await driver.attachVolume(volume.id, 'here')
    catalog.attached(volume, second)
    expect((await catalog.find('data')).attachments).toEqual([second])
  })
})

describe('what does not contradict a change made here is believed', () => {
  test('another machine has attached what was detached here', async () => {
    const volume = await detachLagging()
    lagging.catchUp()
    const theirs = platform.attachByHand(volume.id, 'there')
    expect((await catalog.find('data')).attachments).toEqual([theirs])
  })

  test('a later attachment of the same machine is not taken for the one that ended', async () => {
    const volume = await detachLagging()
    lagging.catchUp()
    const later = platform.attachByHand(volume.id, 'here')
    expect((await catalog.find('data')).attachments).toEqual([later])
  })

  test('a new volume of the same name has nothing to do with the one that was removed', async () => {
    const volume = platform.add({ name: 'data' })
    await driver.removeVolume(volume.id)
    catalog.removed(volume)
    const next = platform.add({ name: 'data' })
    expect((await catalog.find('data')).id).toBe(next.id)
  })

  test('a change of one volume is not mixed into the look-up of another', async () => {
    await makeLagging()
    await expect(catalog.find('other')).rejects.toThrow(NotFoundError)
  })
})

describe('a change made here', () => {
  test('is seen at once, whatever was remembered', async () => {
    await expect(catalog.find('data')).rejects.toThrow(NotFoundError)
    await catalog.list()
    const { id } = await makeLagging()
    expect((await catalog.find('data')).id).toBe(id)
    expect(await catalog.list()).toHaveLength(1)
  })

  test('is seen by a look-up that was under way when it was made', async () => {
    const volume = platform.add({ name: 'data' })
    const release = platform.block('volumes')
    const found = catalog.find('data')
    await driver.removeVolume(volume.id)
    catalog.removed(volume)
    release()
    await expect(found).rejects.toThrow(NotFoundError)
  })

  test('counts in an outage too', async () => {
    const { id } = await makeLagging()
    platform.failAlways(
      'volumes',
      new UnavailableError({ subject: 'the platform', problem: 'cannot be reached' }),
    )
    expect((await catalog.find('data')).id).toBe(id)
  })
})

test('a volume that was made larger here is so in every answer, attached as it was', async () => {
  const { volume, attachment } = await attachLagging()
  await catalog.list()
  catalog.changed({ ...volume, sizeGiB: 5 })
  expect(catalog.known(volume.id)).toMatchObject({ sizeGiB: 5 })
  expect(await catalog.find('data')).toMatchObject({ sizeGiB: 5 })
  expect(await catalog.list()).toMatchObject([{ sizeGiB: 5 }])
  expect((await driver.volume(volume.id)).attachments).toEqual([attachment])
})

test('a volume that was attached and detached here, and then removed elsewhere, is gone', async () => {
  const volume = platform.add({ name: 'data' })
  const attachment = await driver.attachVolume(volume.id, 'here')
  catalog.attached(volume, attachment)
  await driver.detachVolume(volume.id, 'here')
  catalog.detached(volume, attachment)
  platform.clock.advance(10_000)
  await driver.removeVolume(volume.id)
  await expect(catalog.find('data', { fresh: true })).rejects.toThrow(NotFoundError)
  expect(await catalog.list()).toEqual([])
})
