import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TimeoutError } from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { ApiError, SimLock } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
afterEach(() => world.close())

test('a lock whose answer came too late is given back when it is there', async () => {
  world = new VirtualboxWorld({ running: false })
  const { driver } = await world.provider()
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const { machine, libDirectory } = world.here
  const locks = () => readdirSync(path.join(libDirectory, 'virtualbox/locks'))
  const hasty = (await world.process(world.here, {}, { timeoutMs: 300 })).provider.driver
  const { promise: opened, resolve: open } = gate()
  world.service.gates.set('IMachine_lockMachine', opened)
  await expect(hasty.attachVolume(id, machine.id)).rejects.toThrow(TimeoutError)
  world.service.gates.clear()
  expect(locks()).toHaveLength(1)

  // What is not locked yet may be so later.
  await hasty.attachVolume(id, world.there.machine.id)
  await hasty.detachVolume(id, world.there.machine.id)
  expect(locks()).toHaveLength(1)
  open()
  await eventually(() => expect(machine.owner).toBeDefined())
  await hasty.attachVolume(id, machine.id)
  expect(machine.owner).toBeUndefined()
  expect(locks()).toEqual([])
})

describe('a machine whose settings somebody has open at the host', () => {
  const dialog = new SimLock()

  async function open(): Promise<{ readonly driver: StorageDriver; readonly id: string }> {
    world = new VirtualboxWorld({ running: false })
    const { driver } = await world.provider()
    const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    world.host.lock(world.here.machine, dialog, 'Write')
    return { driver, id }
  }

  test('is used all the same, and keeps its disk', async () => {
    const { driver, id } = await open()
    const { machine } = world.here
    const attachment = await driver.attachVolume(id, machine.id)
    world.host.unlock(dialog)
    expect((await driver.volume(id)).attachments).toEqual([attachment])
    expect(machine.owner).toBeUndefined()
    await driver.detachVolume(id, machine.id)
    expect(world.medium(id).machineIds.size).toBe(0)
  })

  test('who closes them in the middle of an attach, is locked anew', async () => {
    const { driver, id } = await open()
    world.service.failNext('IMachine_attachDevice', () => {
      world.host.unlock(dialog)
      return new ApiError(0x80070005, 'The object is not ready')
    })
    const attachment = await driver.attachVolume(id, world.here.machine.id)
    expect((await driver.volume(id)).attachments).toEqual([attachment])
    expect(world.here.machine.owner).toBeUndefined()
  })
})
