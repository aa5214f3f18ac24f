import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import {
  type ConfiguredIdentity,
  type IdentitySources,
  MachineIdentity,
} from '../../../src/providers/ebs/identity.ts'
import { MetadataService } from '../../../src/providers/ebs/imds.ts'
import { Ec2Simulator, type SimMachine } from '../../support/ec2/simulator.ts'

let simulator: Ec2Simulator
let machine: SimMachine
let warnings: string[]
/** What EC2 was asked. */
let asked: string[]
beforeEach(async () => {
  simulator = await Ec2Simulator.start()
  machine = await simulator.launch()
  warnings = []
  asked = []
})
afterEach(() => simulator.close())

const silent: IdentitySources['metadata'] = {
  get: async () => {
    throw new UnavailableError({ subject: 'the metadata', problem: 'does not answer' })
  },
}
const identity = (
  configured: ConfiguredIdentity = {},
  metadata: IdentitySources['metadata'] = new MetadataService(machine.metadata.endpoint),
) =>
  new MachineIdentity({
    configured,
    metadata,
    sysfs: machine.disks.sysfs.root,
    warn: (message) => void warnings.push(message),
    place: async (id) => {
      asked.push(id)
      return { zone: 'eu-west-1b', instanceType: 'm5.large' }
    },
  })

function writeAssetTag(text: string): void {
  const folder = path.join(machine.disks.sysfs.root, 'devices/virtual/dmi/id')
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'board_asset_tag'), text)
}

test('the machine says who it is, in one question, once', async () => {
  const self = identity()
  const found = {
    instanceId: machine.id,
    region: 'us-east-1',
    zone: 'us-east-1a',
    instanceType: 'm5.large',
  }
  expect(await Promise.all([self.get(), self.get()])).toEqual([found, found])
  expect(await self.get()).toEqual(found)
  expect(machine.metadata.requests).toHaveLength(2)
})

test('its own region counts, and a configured one that differs is said', async () => {
  expect((await identity({ region: 'eu-west-1' }).get()).region).toBe('us-east-1')
  expect(warnings).toEqual([
    'ebs.region is eu-west-1, but this instance is in us-east-1, which is what counts',
  ])
})

test('what is configured in full needs no question', async () => {
  const configured = { instanceId: 'i-1', region: 'eu-west-1', availabilityZone: 'eu-west-1a' }
  expect(await identity(configured, silent).get()).toEqual({
    instanceId: 'i-1',
    region: 'eu-west-1',
    zone: 'eu-west-1a',
  })
})

test('the firmware’s id with a configured region and zone is enough where nothing answers', async () => {
  writeAssetTag('i-0123456789abcdef0\n')
  const configured = { region: 'eu-west-1', availabilityZone: 'eu-west-1a' }
  expect(await identity(configured, silent).get()).toEqual({
    instanceId: 'i-0123456789abcdef0',
    region: 'eu-west-1',
    zone: 'eu-west-1a',
  })
})

test('a region and an id are enough where nothing answers: EC2 says the zone, once', async () => {
  const configured = { instanceId: 'i-1', region: 'eu-west-1' }
  const self = identity(configured, silent)
  expect(await self.own()).toEqual({ ...configured, zone: undefined })
  expect(asked).toEqual([])
  const found = { ...configured, zone: 'eu-west-1b', instanceType: 'm5.large' }
  expect(await Promise.all([self.get(), self.get()])).toEqual([found, found])
  expect(await self.get()).toEqual(found)
  expect(asked).toEqual(['i-1'])
})

test('the id may be the firmware’s', async () => {
  writeAssetTag('i-0123456789abcdef0')
  const found = await identity({ region: 'eu-west-1' }, silent).get()
  expect(found).toMatchObject({ instanceId: 'i-0123456789abcdef0', zone: 'eu-west-1b' })
})

test('nobody is asked for a zone that the machine or its configuration says', async () => {
  await identity().get()
  await identity({ instanceId: machine.id }).get()
  writeAssetTag('i-0123456789abcdef0')
  await identity({ region: 'eu-west-1', availabilityZone: 'eu-west-1a' }, silent).get()
  expect(asked).toEqual([])
})

test('what is missing is named', async () => {
  writeAssetTag('i-0123456789abcdef0')
  await expect(identity({}, silent).get()).rejects.toThrow('the metadata does not answer')
  await expect(identity({ instanceId: 'i-0123456789abcdef0' }, silent).own()).rejects.toThrow(
    'the metadata does not answer',
  )
})

test('a configured id that is not this machine’s, as in an image of another one, is refused', async () => {
  const inFull = { instanceId: 'i-1', region: 'us-east-1', availabilityZone: 'us-east-1a' }
  await expect(identity({ instanceId: 'i-1' }).get()).rejects.toThrow(
    `ebs.instanceId is i-1, but this machine is ${machine.id}, take it out of the configuration`,
  )
  writeAssetTag('i-0123456789abcdef0')
  await expect(identity(inFull, silent).get()).rejects.toThrow(
    'ebs.instanceId is i-1, but this machine is i-0123456789abcdef0',
  )
})

test('firmware of another maker is no instance', async () => {
  writeAssetTag('Default string')
  await expect(identity({ region: 'eu-west-1' }, silent).get()).rejects.toThrow(UnavailableError)
})

test.each(['<html>', '{}', '{"instanceId":"i-1"}'])('%s is no identity', async (text) => {
  const self = identity({}, { get: async () => text })
  await expect(self.get()).rejects.toThrow(
    /identity document is not what EC2 gives, set ebs.region/,
  )
})

test('an outage is not remembered', async () => {
  machine.metadata.options.isEnabled = false
  const self = identity()
  await expect(self.get()).rejects.toThrow(UnavailableError)
  machine.metadata.options.isEnabled = true
  expect((await self.get()).instanceId).toBe(machine.id)
})
