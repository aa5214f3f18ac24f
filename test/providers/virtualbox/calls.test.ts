import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
let entrance: Entrance
beforeEach(async () => {
  world = new VirtualboxWorld()
  ;({ provider, entrance } = await world.process())
  await provider.executor.instance()
})
afterEach(() => world.close())

/** What was asked for by some work that changes something, in its order. */
async function changesOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const begun = entrance.calls.length
  await work()
  const looks = /_(?:get(?!SessionObject)|find|open|refresh|waitFor|release)/
  return entrance.calls.slice(begun).filter((name) => !looks.test(name))
}

const make = async (name = 'data') =>
  (await provider.driver.createVolume({ name, sizeGiB: 3, labels: {} })).id
const here = () => world.here.machine.id

test('a volume is made as REX-Ray made it, with its mark before there is a file', async () => {
  expect(await changesOf(() => make())).toEqual([
    'IVirtualBox_createMedium',
    'IMedium_setDescription',
    'IMedium_createBaseStorage',
    'IMedium_setType',
  ])
  expect((await provider.driver.volumes()).map(({ id }) => world.medium(id))).toMatchObject([
    {
      location: `${VOLUMES}/data.vdi`,
      format: 'VDI',
      sizeBytes: 3 * 2 ** 30,
      type: 'Writethrough',
    },
  ])
})

test('an attach is REX-Ray’s, and saved before anything else', async () => {
  const id = await make()
  expect(await changesOf(() => provider.driver.attachVolume(id, here()))).toEqual([
    'IWebsessionManager_getSessionObject',
    'IMachine_lockMachine',
    'IMedium_setDescription',
    'IMachine_attachDevice',
    'IMachine_saveSettings',
    'ISession_unlockMachine',
  ])
})

test('an attach to a machine that is off makes the disk one that can be pulled later', async () => {
  world.host.power(world.there.machine, 'PoweredOff')
  const id = await make()
  const attach = () => provider.driver.attachVolume(id, world.there.machine.id)
  expect(await changesOf(attach)).toEqual([
    'IWebsessionManager_getSessionObject',
    'IMachine_lockMachine',
    'IMedium_setDescription',
    'IMachine_attachDevice',
    'IMachine_setHotPluggableForDevice',
    'IMachine_saveSettings',
    'ISession_unlockMachine',
  ])
})

test('a detach is REX-Ray’s, and a removal', async () => {
  const id = await make()
  await provider.driver.attachVolume(id, here())
  expect(await changesOf(() => provider.driver.detachVolume(id, here()))).toEqual([
    'IWebsessionManager_getSessionObject',
    'IMachine_lockMachine',
    'IMachine_detachDevice',
    'IMachine_saveSettings',
    'ISession_unlockMachine',
    'IMedium_setDescription',
  ])
  expect(await changesOf(() => provider.driver.removeVolume(id))).toEqual([
    'IMedium_deleteStorage',
    'IMedium_close',
  ])
})

test('one logon serves all of them', async () => {
  const id = await make()
  await provider.driver.attachVolume(id, here())
  await provider.driver.detachVolume(id, here())
  expect(entrance.calls.filter((name) => name === 'IWebsessionManager_logon')).toHaveLength(1)
})

test('a volume gets the lowest port that is free of those that there are', async () => {
  const ports = []
  for (const name of ['a', 'b', 'c'])
    ports.push((await provider.driver.attachVolume(await make(name), here())).deviceName)
  expect(ports).toEqual(['SATA:2', 'SATA:3', 'SATA:4'])
  const [first] = await provider.driver.volumes({ name: 'a' })
  await provider.driver.detachVolume(first?.id ?? '', here())
  expect(await provider.driver.attachVolume(await make('d'), here())).toMatchObject({
    deviceName: 'SATA:2',
  })
})
