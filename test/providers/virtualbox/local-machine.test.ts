import { rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../../src/libstorage/errors.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
beforeEach(() => {
  world = new VirtualboxWorld()
})
afterEach(() => world.close())

async function instance(settings: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  return (await world.provider(world.here, settings)).executor.instance()
}

const here = () => ({ id: world.here.machine.id, name: 'here' })
const firmware = (uuid: string) => world.here.guest.writeFirmware(uuid)
const noFirmware = () =>
  rmSync(path.join(world.here.guest.sysfs, 'class/dmi'), { recursive: true, force: true })

test('a machine is known by the UUID of its firmware, in any letter case', async () => {
  firmware(world.here.machine.id.toUpperCase())
  expect(await instance()).toEqual(here())
})

test('a machine is known by that UUID in the order of bytes that newer machines have', async () => {
  world.here.machine.hardwareUuid = '15dc48a9-a136-4174-b991-c2a7669a5c0d'
  firmware('a948dc15-36a1-7441-b991-c2a7669a5c0d')
  expect(await instance()).toEqual(here())
})

test('a machine that cannot be read stands in nobody’s way', async () => {
  world.there.machine.isAccessible = false
  world.here.machine.hardwareUuid = '15dc48a9-a136-4174-b991-c2a7669a5c0d'
  firmware('15dc48a9-a136-4174-b991-c2a7669a5c0d')
  expect(await instance()).toEqual(here())
})

/** An address that this machine has on the host. */
const address = () =>
  world.here.machine.adapters[0]?.mac.toLowerCase().match(/../g)?.join(':') ?? ''

test('where the firmware cannot be read, the machine is known by a network address', async () => {
  world.here.guest.writeFirmware('', [address()])
  noFirmware()
  expect(await instance()).toEqual(here())
})

test('a UUID that no machine has is an error, whatever network addresses say', async () => {
  world.here.guest.writeFirmware('00000000-0000-0000-0000-000000000001', [address()])
  await expect(instance()).rejects.toThrow(FailedPreconditionError)
  await expect(instance()).rejects.toThrow(
    /hardware UUID 00000000-0000-0000-0000-000000000001.*set virtualbox.localMachineNameOrId/,
  )
})

test('a UUID that two machines have says nothing, and the error names both', async () => {
  world.there.machine.hardwareUuid = world.here.machine.hardwareUuid
  await expect(instance()).rejects.toThrow(FailedPreconditionError)
  await expect(instance()).rejects.toThrow(/hardware UUID.*here \(.*there \(.*localMachineNameOrId/)
})

test('an address that two machines have says nothing, and the error names both', async () => {
  const mac = '080027AAAAAA'
  for (const { machine } of [world.here, world.there])
    machine.adapters.push({ kind: 'INetworkAdapter', mac, enabled: true })
  noFirmware()
  world.here.guest.writeFirmware('', ['08:00:27:aa:aa:aa'])
  await expect(instance()).rejects.toThrow(FailedPreconditionError)
  await expect(instance()).rejects.toThrow(/here \(.*there \(.*localMachineNameOrId/)
})

test('what is configured wins, by name or id, and is an error where there is none such', async () => {
  const there = { id: world.there.machine.id, name: 'there' }
  expect(await instance({ localMachineNameOrId: 'there' })).toEqual(there)
  expect(await instance({ localMachineNameOrId: there.id })).toEqual(there)
  await expect(instance({ localMachineNameOrId: 'nobody' })).rejects.toThrow(
    'virtualbox.localMachineNameOrId "nobody" is no machine of the host',
  )
})

test('a machine that nothing is known of is told what to set', async () => {
  noFirmware()
  await expect(instance()).rejects.toThrow(
    /this machine is none of the machines that the web service knows, set virtualbox.localMach/,
  )
})

test('who this machine is, is asked once', async () => {
  const { provider, entrance } = await world.process()
  await provider.executor.instance()
  const { length } = entrance.calls
  world.host.died = 'killed'
  expect(await provider.executor.instance()).toEqual(here())
  expect(entrance.calls).toHaveLength(length)
})
