import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { TimeoutError } from '../../../src/libstorage/errors.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
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
