import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { VolumeAttachment } from '../../../src/libstorage/types.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import type { PlainDisks } from '../../support/ec2/plain-disks.ts'
import type { SimMachine } from '../../support/ec2/simulator.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let machine: SimMachine
let provider: Provider
beforeEach(async () => {
  world = await EbsWorld.open()
  machine = await world.simulator.launch({ type: 'm4.large' })
  provider = await world.provider(machine)
})
afterEach(() => world.close())

const device = (attachment: VolumeAttachment) => provider.executor.device(attachment)
const attach = async (name = 'data') => {
  const { id } = await provider.driver.createVolume(ebsSpec(name))
  world.simulator.takeCounts()
  return await provider.driver.attachVolume(id, machine.id)
}
const attached = async (name = 'data') => {
  const attachment = await attach(name)
  await eventually(async () => expect(await device(attachment)).toBeDefined())
  world.simulator.takeCounts()
  return attachment
}
const looks = () => world.simulator.count('DescribeVolumes')
const disks = () => machine.disks as PlainDisks
const outage = () => world.simulator.faults.always('*', { kind: 'drop', when: 'before' })

test('EC2 is not asked while there is no disk of the name, and once when there is', async () => {
  Object.assign(world.simulator.region.delays, { device: 1_200 })
  const attachment = await attach()
  world.simulator.takeCounts()
  let asked = 0
  await eventually(async () => {
    asked += 1
    expect(await device(attachment)).toBe(`${disks().dev}/xvdaa`)
  })
  expect(asked).toBeGreaterThan(1)
  expect(looks()).toBe(1)
})

test('a disk that EC2 has named once is found in an outage, also when it was grown', async () => {
  const attachment = await attached()
  outage()
  expect(await device(attachment)).toBe(`${disks().dev}/xvdaa`)
  disks().grow(attachment.volumeId, 2)
  expect(await device(attachment)).toBe(`${disks().dev}/xvdaa`)
  disks().vanish(attachment.volumeId, true)
  expect(await device(attachment)).toBeUndefined()
  expect(looks()).toBe(0)
})

test('another disk of the same name and size is not taken for it', async () => {
  const attachment = await attached()
  const other = await provider.driver.createVolume(ebsSpec('other'))
  disks().vanish(attachment.volumeId, true)
  world.simulator.region.change(attachment.volumeId, { state: 'available', attachments: [] })
  disks().appear(other, '/dev/xvdaa')
  expect(await device(attachment)).toBeUndefined()
})

test('another attachment of the same volume is asked for anew', async () => {
  const attachment = await attached()
  const since = new Date(attachment.since.getTime() - 60_000)
  expect(await device({ ...attachment, since })).toBeUndefined()
})

test('where the kernel does not number its disks EC2 is asked whose each of them is', async () => {
  disks().sysfs.hasSequences = false
  const attachment = await attached()
  expect(await device(attachment)).toBeDefined()
  expect(looks()).toBe(1)
  world.simulator.region.change(attachment.volumeId, { state: 'available', attachments: [] })
  expect(await device(attachment)).toBeUndefined()
})
