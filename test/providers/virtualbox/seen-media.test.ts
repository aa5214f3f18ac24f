import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { SimMedium } from '../../support/virtualbox/model.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

const COUNT = 30

let world: VirtualboxWorld
let driver: StorageDriver
let entrance: Entrance
/** Of a process on another machine. */
let other: StorageDriver
beforeEach(async () => {
  world = new VirtualboxWorld()
  const here = await world.process()
  driver = here.provider.driver
  entrance = here.entrance
  other = (await world.provider(world.there)).driver
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world.close()
})

const make = async (by: StorageDriver, name = 'data') =>
  (await by.createVolume({ name, sizeGiB: 1, labels: {} })).id

/** Lets so much time pass for whoever asks how much has. */
function pass(ms: number): void {
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
}

test('what was listed a moment ago costs one call for each disk, and a few for each machine', async () => {
  for (let index = 0; index < COUNT; index++) {
    const medium = new SimMedium(`${VOLUMES}/volume-${index}.vdi`, 'VDI')
    medium.create(2 ** 30)
    medium.description = `remora {"kind":"volume","name":"volume-${index}"}`
    world.host.disks.add(medium)
  }
  const first = await driver.volumes()
  expect(first).toHaveLength(COUNT)
  const begun = entrance.calls.length
  expect(await driver.volumes()).toEqual(first)
  const again = entrance.calls.slice(begun)
  expect(again.filter((name) => name === 'IVirtualBox_getHardDisks')).toHaveLength(1)
  const { length } = world.host.machines
  expect(again.filter((name) => name === 'IMedium_getDescription')).toHaveLength(COUNT + length)
  expect(again.filter((name) => name === 'IMachine_getMediumAttachments')).toHaveLength(length)
  // Of the disks that machines start from it is asked each time whether they are volumes.
  const ofSystemDisks = 4 * length
  expect(again.length).toBeLessThanOrEqual(2 + COUNT + 4 * length + ofSystemDisks)
})

test('what another machine makes, attaches, detaches and removes shows at once', async () => {
  const id = await make(driver)
  expect(await driver.volumes()).toMatchObject([{ id, state: 'available' }])
  const attachment = await other.attachVolume(id, world.there.machine.id)
  expect(await driver.volumes()).toMatchObject([{ id, attachments: [attachment] }])
  const later = await make(other, 'later')
  expect((await driver.volumes()).map((one) => one.id).toSorted()).toEqual([id, later].toSorted())
  await other.detachVolume(id, world.there.machine.id)
  expect(await driver.volumes({ name: 'data' })).toMatchObject([{ state: 'available' }])
  await other.removeVolume(id)
  expect(await driver.volumes()).toMatchObject([{ id: later }])
})

test('a size that another process changed shows where one volume is asked for, and in lists half a minute later', async () => {
  const id = await make(driver)
  await driver.volumes()
  await other.modifyVolume?.(id, { sizeGiB: 5 })
  pass(31_000)
  expect(await driver.volumes()).toMatchObject([{ sizeGiB: 5 }])
  vi.restoreAllMocks()
  await other.modifyVolume?.(id, { sizeGiB: 7 })
  expect(await driver.volume(id)).toMatchObject({ sizeGiB: 7 })
  expect(await driver.volumes()).toMatchObject([{ sizeGiB: 7 }])
})

test('a size that another process changed shows at once where a volume is asked for by its name', async () => {
  const id = await make(driver)
  await driver.volumes()
  await other.modifyVolume?.(id, { sizeGiB: 5 })
  expect(await driver.volumes({ name: 'data' })).toMatchObject([{ id, sizeGiB: 5 }])
})

test('what a disk says of itself shows at once', async () => {
  const id = await make(driver)
  await driver.volumes()
  world.medium(id).description = 'remora {"kind":"volume","name":"shop"}'
  expect(await driver.volumes()).toMatchObject([{ id, name: 'shop' }])
})

test('a size that this process changed shows in lists at once', async () => {
  const id = await make(driver)
  await driver.volumes()
  await driver.modifyVolume?.(id, { sizeGiB: 5 })
  expect(await driver.volumes()).toMatchObject([{ sizeGiB: 5 }])
})

test('a disk that cannot be read is looked at each time, and a lost one is found out', async () => {
  const id = await make(driver)
  await driver.volumes()
  world.medium(id).state = 'Inaccessible'
  pass(31_000)
  expect(await driver.volumes()).toMatchObject([{ state: 'error' }])
  world.medium(id).state = 'Created'
  expect(await driver.volumes()).toMatchObject([{ state: 'available' }])
})
