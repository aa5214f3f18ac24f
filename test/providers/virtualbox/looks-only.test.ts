import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let looking: Provider
beforeEach(async () => {
  world = new VirtualboxWorld()
  looking = (await world.process(world.here, {}, { looksOnly: true })).provider
})
afterEach(() => world.close())

const here = () => world.here.machine

test('whoever only looks leaves the lock of a dead process where it is', async () => {
  const { driver } = await world.provider()
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const dying = await world.process(world.here, {}, { isDying: true })
  dying.entrance.dieAfterThe('IMachine_attachDevice')
  void dying.provider.driver.attachVolume(id, here().id).catch(() => {})
  await eventually(() => expect(dying.entrance.isCut).toBe(true))
  expect(await looking.driver.volumes()).toHaveLength(1)
  expect(here().sharers.size).toBe(1)
  const locks = path.join(world.here.libDirectory, 'virtualbox/locks')
  expect(readdirSync(locks)).toHaveLength(1)
})

test('whoever only looks does not ask the kernel for disks', async () => {
  const { driver } = await world.provider()
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  world.here.guest.isSlow = true
  const attachment = await driver.attachVolume(id, here().id)
  expect(await looking.executor.device(attachment)).toBeUndefined()
  expect(world.here.guest.rescans).toBe(0)
})
