import {
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { AttachmentRig } from './attachment-rig.ts'
import { refusal } from './client.ts'

let rig: AttachmentRig
beforeEach(async () => {
  rig = await AttachmentRig.open()
})
afterEach(() => rig.close())

describe('an instance', () => {
  test('that hangs keeps its disks through a plain detach, and loses them by force', async () => {
    const id = await rig.attached()
    rig.machine.hang()
    await rig.detach(id)
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(rig.stateOf(id)).toEqual(['in-use', 'detaching'])
    expect(rig.machine.state()).toBe('running')
    await rig.detach(id, { Force: true })
    await rig.becomes(id, 'available')
  })

  test('that stops keeps its attachments, which can be ended without it', async () => {
    const [kept, ended] = [await rig.attached('/dev/xvdba'), await rig.attached('/dev/xvdbb')]
    rig.machine.stop()
    expect(rig.machine.state()).toBe('stopping')
    await eventually(() => expect(rig.machine.state()).toBe('stopped'))
    expect(rig.shown()).toEqual([])
    await rig.detach(ended)
    await rig.becomes(ended, 'available')
    expect(rig.stateOf(kept)).toEqual(['in-use', 'attached'])
    rig.machine.start()
    await eventually(() => expect(rig.machine.state()).toBe('running'))
    expect(rig.shown()).toEqual(['nvme1n1'])
  })

  test('that is terminated sets its volumes free, and is forgotten later', async () => {
    const id = await rig.attached()
    rig.machine.terminate()
    expect(rig.machine.state()).toBe('shutting-down')
    await rig.becomes(id, 'available')
    expect(rig.machine.state()).toBe('terminated')
    rig.machine.forget()
    expect(await refusal(rig.attach(id))).toBe('InvalidInstanceID.NotFound')
  })

  test('volumes in use are not deleted', async () => {
    const id = await rig.attached()
    expect(await refusal(rig.client.send(new DeleteVolumeCommand({ VolumeId: id })))).toBe(
      'VolumeInUse',
    )
  })
})

test('look-ups lag behind what was done', async () => {
  await rig.close()
  rig = await AttachmentRig.open({ factor: 0.001, delays: { lag: 100, tagLag: 300, attach: 20 } })
  const tags = [{ ResourceType: 'volume' as const, Tags: [{ Key: 'Name', Value: 'x' }] }]
  const command = new CreateVolumeCommand({
    AvailabilityZone: 'us-east-1a',
    Size: 1,
    TagSpecifications: tags,
  })
  const { VolumeId: id = '' } = await rig.client.send(command)
  const look = async (Name: string, value: string) =>
    (await rig.client.send(new DescribeVolumesCommand({ Filters: [{ Name, Values: [value] }] })))
      .Volumes
  expect(await look('volume-id', id)).toEqual([])
  await eventually(async () => expect(await look('volume-id', id)).toHaveLength(1))
  expect(await look('tag:Name', 'x')).toEqual([])
  await eventually(async () => expect(await look('tag:Name', 'x')).toHaveLength(1))
  await rig.attach(id)
  expect((await look('volume-id', id))?.[0]?.Attachments ?? []).toEqual([])
  await eventually(async () =>
    expect((await look('volume-id', id))?.[0]?.Attachments?.[0]?.State).toBe('attached'),
  )
})
