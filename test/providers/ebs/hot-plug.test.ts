import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { VolumeAttachment } from '../../../src/libstorage/types.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { appear } from '../../support/ec2/attachment-actions.ts'
import { eventually } from '../../support/eventually.ts'

const NEVER_MS = 3_600_000

let world: EbsWorld
let provider: Provider
/** What of sysfs asks the kernel to look for devices. */
let rescan: string

const open = async (delays: { readonly attach?: number } = {}) => {
  world = await EbsWorld.open({ delays: { device: NEVER_MS, ...delays } })
  rescan = path.join(world.here.disks.sysfs.root, 'bus/pci/rescan')
  mkdirSync(path.dirname(rescan), { recursive: true })
  writeFileSync(rescan, '')
  provider = await serve()
}
const serve = () => world.provider(world.here, {}, { missingMs: 100 })
beforeEach(() => open())
afterEach(() => world.close())

const attached = async () => {
  const { id } = await provider.driver.createVolume(ebsSpec('data'))
  return await provider.driver.attachVolume(id, world.here.id)
}
/** An attachment as the simulator has it. */
const simulated = ({ volumeId, instanceId, since, deviceName = '' }: VolumeAttachment) => ({
  ...{ volumeId, instanceId, device: deviceName, time: since },
  ...{ state: 'attached' as const, deleteOnTermination: false },
})
/** Lets the kernel have the disk. */
const show = (attachment: VolumeAttachment) => appear(world.simulator.region, simulated(attachment))
const device = (attachment: VolumeAttachment, by = provider) => by.executor.device(attachment)
const asked = () => readFileSync(rescan, 'utf8')
/** Looks for the disk as a mount does, until the kernel was asked. */
const untilAsked = (attachment: VolumeAttachment) =>
  eventually(async () => {
    await device(attachment)
    expect(asked()).toBe('1')
  })
/** Looks for it until EC2 was asked for it so many times more. */
const untilLookedUp = async (attachment: VolumeAttachment, times: number, by = provider) => {
  world.simulator.takeCounts()
  await eventually(async () => {
    await device(attachment, by)
    expect(world.simulator.count('DescribeVolumes')).toBeGreaterThanOrEqual(times)
  })
}

describe('a disk that does not show though EC2 says that it is attached', () => {
  test('is looked for by the kernel, which then has it', async () => {
    const attachment = await attached()
    await untilAsked(attachment)
    show(attachment)
    expect(await device(attachment)).toMatch(/nvme1n1$/)
  })

  test('is so looked for once, and again when it is attached anew', async () => {
    const first = await attached()
    await untilAsked(first)
    writeFileSync(rescan, '')
    world.simulator.takeCounts()
    for (let looks = 0; looks < 300; looks += 1) await device(first)
    expect(world.simulator.takeCounts()).toEqual({})
    expect(asked()).toBe('')
    await provider.driver.detachVolume(first.volumeId, world.here.id)
    await untilAsked(await provider.driver.attachVolume(first.volumeId, world.here.id))
  })

  test('is waited for where the kernel cannot be asked', async () => {
    const attachment = await attached()
    rmSync(path.dirname(rescan), { recursive: true })
    await untilLookedUp(attachment, 1)
    show(attachment)
    expect(await device(attachment)).toMatch(/nvme1n1$/)
  })
})

test('while EC2 calls it attaching the kernel is not asked, and as soon as it is attached it is', async () => {
  await world.close()
  await open({ attach: NEVER_MS })
  const attachment = await attached()
  await untilLookedUp(attachment, 3)
  expect(asked()).toBe('')
  world.simulator.region.changeAttachment(simulated(attachment), { state: 'attached' })
  await untilAsked(attachment)
})

test('an attachment that has ended is none that the kernel missed', async () => {
  const attachment = await attached()
  const restarted = await serve()
  await provider.driver.detachVolume(attachment.volumeId, world.here.id)
  await untilLookedUp(attachment, 3, restarted)
  expect(asked()).toBe('')
})

test('an outage of EC2 ends no wait, and is none of the kernel’s', async () => {
  const attachment = await attached()
  const end = world.simulator.faults.always('DescribeVolumes', {
    kind: 'error',
    ...{ code: 'UnauthorizedOperation', status: 403 },
  })
  await untilLookedUp(attachment, 2)
  expect(asked()).toBe('')
  end()
  await untilAsked(attachment)
})
