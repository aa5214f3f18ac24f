import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateVolumeCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { AttachmentRig } from './attachment-rig.ts'
import { refusal } from './client.ts'

let rig: AttachmentRig
beforeEach(async () => {
  rig = await AttachmentRig.open()
})
afterEach(() => rig.close())

describe('attach', () => {
  test('answers attaching, and the disk appears in sysfs with the serial of the volume', async () => {
    const id = await rig.volume()
    expect(await rig.attach(id)).toMatchObject({ State: 'attaching', Device: '/dev/xvdba' })
    expect(rig.stateOf(id)).toEqual(['in-use', 'attaching'])
    expect(rig.shown()).toEqual([])
    await rig.becomes(id, 'in-use', 'attached')
    expect(rig.shown()).toEqual(['nvme1n1'])
    const read = (file: string) =>
      readFileSync(join(rig.machine.disks.sysfs.root, 'block/nvme1n1', file), 'utf8').trim()
    expect(read('device/serial')).toBe(id.replace('-', ''))
    expect(read('device/model')).toBe('Amazon Elastic Block Store')
    expect(read('size')).toBe('2097152')
    expect(existsSync(join(rig.machine.disks.dev, 'nvme1n1'))).toBe(true)
  })

  test('EC2 may say attached before the kernel shows the disk', async () => {
    await rig.close()
    rig = await AttachmentRig.open({ factor: 0.01, delays: { device: 300 } })
    const id = await rig.attached()
    expect(rig.shown()).toEqual([])
    await eventually(() => expect(rig.shown()).toEqual(['nvme1n1']))
    expect(rig.stateOf(id)).toEqual(['in-use', 'attached'])
  })

  test('on Xen the disk has the name that was asked for, and no serial', async () => {
    rig.machine = await rig.simulator.launch({ type: 'm4.large' })
    await rig.attached('/dev/sdf')
    expect(rig.shown()).toEqual(['xvdf'])
    expect(existsSync(join(rig.machine.disks.sysfs.root, 'block/xvdf/device'))).toBe(false)
    expect(readFileSync(join(rig.machine.disks.sysfs.root, 'hypervisor/type'), 'utf8').trim()).toBe(
      'xen',
    )
  })

  test('is refused for a volume that somebody has, this very rig.machine among them', async () => {
    const id = await rig.attached()
    expect(await refusal(rig.attach(id, '/dev/xvdbb', rig.other.id))).toBe('VolumeInUse')
    expect(await refusal(rig.attach(id, '/dev/xvdbb'))).toBe('VolumeInUse')
  })

  test('of two at once one wins', async () => {
    const id = await rig.volume()
    const results = await Promise.all(
      [rig.machine, rig.other].map((one) => refusal(rig.attach(id, '/dev/xvdba', one.id))),
    )
    expect(results.sort()).toEqual(['VolumeInUse', 'no refusal'])
  })

  test('is refused under a name that is taken, with a sentence that says so', async () => {
    await rig.attached('/dev/xvdba')
    const id = await rig.volume()
    await expect(rig.attach(id, '/dev/xvdba')).rejects.toThrow(
      "Invalid value '/dev/xvdba' for unixDevice. Attachment point /dev/xvdba is already in use",
    )
    await rig.attach(id, '/dev/xvdbb')
  })

  test.each(['/dev/xvddy', '/dev/foo', 'xvdzz', '/dev/sda123'])(
    'is refused under the name %s',
    async (device) => {
      expect(await refusal(rig.attach(await rig.volume(), device))).toBe('InvalidParameterValue')
    },
  )

  test('is refused in another zone, while the volume is creating, and for what is not there', async () => {
    expect(await refusal(rig.attach(await rig.volume('us-east-1b')))).toBe(
      'InvalidVolume.ZoneMismatch',
    )
    const { VolumeId = '' } = await rig.client.send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1 }),
    )
    expect(await refusal(rig.attach(VolumeId))).toBe('IncorrectState')
    expect(await refusal(rig.attach('vol-0aaaaaaaaaaaaaaaa'))).toBe('InvalidVolume.NotFound')
    expect(await refusal(rig.attach('data'))).toBe('InvalidVolumeID.Malformed')
    const id = await rig.volume()
    expect(await refusal(rig.attach(id, '/dev/xvdba', 'i-0aaaaaaaaaaaaaaaa'))).toBe(
      'InvalidInstanceID.NotFound',
    )
  })

  test('is refused beyond the limit of the instance type, the root disk counted', async () => {
    rig.machine = await rig.simulator.launch({ type: 't3.nano' })
    for (const letter of 'abc') await rig.attach(await rig.volume(), `/dev/xvdb${letter}`)
    expect(await refusal(rig.attach(await rig.volume(), '/dev/xvdbd'))).toBe(
      'AttachmentLimitExceeded',
    )
  })

  test('of a volume with Multi-Attach may succeed twice', async () => {
    const id = await rig.volume('us-east-1a', true)
    await rig.attach(id)
    await rig.attach(id, '/dev/xvdba', rig.other.id)
    await rig.becomes(id, 'in-use', 'attached', 'attached')
  })

  test('may stay attaching for ever, until it is detached', async () => {
    const id = await rig.volume()
    rig.simulator.region.stuckAttaching.add(id)
    await rig.attach(id)
    await rig.detach(id)
    await rig.becomes(id, 'available')
  })
})

describe('detach', () => {
  test('answers detaching, the disk goes, the volume is free a moment later', async () => {
    const id = await rig.attached()
    expect(await rig.detach(id)).toMatchObject({ State: 'detaching' })
    expect(rig.stateOf(id)).toEqual(['in-use', 'detaching'])
    expect(await refusal(rig.detach(id))).toBe('IncorrectState')
    expect(await refusal(rig.attach(id, '/dev/xvdba', rig.other.id))).toBe('IncorrectState')
    await rig.becomes(id, 'available')
    expect(rig.shown()).toEqual([])
    expect(await refusal(rig.detach(id))).toBe('IncorrectState')
  })

  test('names the instance, which may be left out unless there are two', async () => {
    const id = await rig.attached()
    expect(await refusal(rig.detach(id, { InstanceId: rig.other.id }))).toBe(
      'InvalidAttachment.NotFound',
    )
    expect(await refusal(rig.detach(id, { Device: '/dev/xvdbb' }))).toBe(
      'InvalidAttachment.NotFound',
    )
    await rig.detach(id, { InstanceId: undefined })
  })

  test('pulls the disk from a rig.machine that has it mounted', async () => {
    const id = await rig.attached()
    rig.disks.held.add(id)
    await rig.detach(id)
    await rig.becomes(id, 'available')
    expect(rig.disks.pulled).toEqual([id])
  })

  test('is busy while a rig.machine that is waited for has it mounted, until it lets go', async () => {
    const id = await rig.attached()
    rig.machine.onHeldDisk('busy')
    rig.disks.held.add(id)
    await rig.detach(id)
    await rig.becomes(id, 'in-use', 'busy')
    expect(rig.shown()).toEqual(['nvme1n1'])
    rig.disks.held.delete(id)
    await rig.becomes(id, 'available')
    expect(rig.disks.pulled).toEqual([])
  })

  test('by force takes a busy disk away', async () => {
    const id = await rig.attached()
    rig.machine.onHeldDisk('busy')
    rig.disks.held.add(id)
    await rig.detach(id)
    await rig.becomes(id, 'in-use', 'busy')
    await rig.detach(id, { Force: true })
    await rig.becomes(id, 'available')
    expect(rig.disks.pulled).toEqual([id])
  })

  test('is refused for the root disk of a running instance', async () => {
    const [root] = rig.simulator.region.attachmentsOf(rig.machine.id)
    expect(await refusal(rig.detach(root?.volumeId ?? ''))).toBe('OperationNotPermitted')
  })

  test('is refused for a volume that a service of AWS manages', async () => {
    const id = await rig.attached()
    rig.simulator.region.change(id, { operator: 'ecs.amazonaws.com' })
    expect(await refusal(rig.detach(id))).toBe('UnsupportedOperation')
  })
})
