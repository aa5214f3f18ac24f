import {
  CopyVolumesCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  type CreateVolumeCommandInput,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  type EC2Client,
  ModifyVolumeCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { clientOf, refusal } from './client.ts'
import { Ec2Simulator } from './simulator.ts'

const ZONE = 'us-east-1a'

let simulator: Ec2Simulator
let client: EC2Client
beforeEach(async () => {
  simulator = await Ec2Simulator.start({ factor: 0.01, delays: { lag: 0, tagLag: 0 } })
  client = clientOf(simulator)
})
afterEach(() => simulator.close())

const create = (input: Partial<CreateVolumeCommandInput> = {}) =>
  client.send(
    new CreateVolumeCommand({ AvailabilityZone: ZONE, Size: 1, VolumeType: 'gp3', ...input }),
  )
const idOf = async (input: Partial<CreateVolumeCommandInput> = {}) => {
  const { VolumeId: id = '' } = await create(input)
  await eventually(() => expect(simulator.region.volume(id).state).toBe('available'))
  return id
}
const look = async (id: string) =>
  (
    await client.send(
      new DescribeVolumesCommand({ Filters: [{ Name: 'volume-id', Values: [id] }] }),
    )
  ).Volumes?.[0]

describe('a volume', () => {
  test('is creating at first and available later, with its tags from the beginning', async () => {
    const made = await create({
      TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'Name', Value: 'a<&>"b' }] }],
    })
    expect(made).toMatchObject({ State: 'creating', Size: 1, Iops: 3_000, Throughput: 125 })
    expect(made.Tags).toEqual([{ Key: 'Name', Value: 'a<&>"b' }])
    expect(made.CreateTime?.getTime()).toBeGreaterThan(Date.now() - 10_000)
    await eventually(async () => expect((await look(made.VolumeId ?? ''))?.State).toBe('available'))
  })

  test('is deleting for a while, and then nothing', async () => {
    const id = await idOf()
    await client.send(new DeleteVolumeCommand({ VolumeId: id }))
    expect((await look(id))?.State).toBe('deleting')
    expect(await refusal(client.send(new DeleteVolumeCommand({ VolumeId: id })))).toBe(
      'InvalidVolume.NotFound',
    )
    await eventually(async () => expect(await look(id)).toBeUndefined())
  })

  test.each<[string, Partial<CreateVolumeCommandInput>]>([
    ['InvalidParameterValue', { Size: 0 }],
    ['InvalidParameterValue', { Size: 70_000 }],
    ['UnknownVolumeType', { VolumeType: 'gp9' as 'gp3' }],
    ['InvalidParameterValue', { Iops: 2_999 }],
    ['InvalidParameterValue', { Iops: 3_001 }],
    ['InvalidParameterValue', { Throughput: 1_000 }],
    ['InvalidParameterCombination', { VolumeType: 'gp2', Iops: 3_000 }],
    ['InvalidParameterCombination', { VolumeType: 'gp2', Throughput: 200 }],
    ['MissingParameter', { VolumeType: 'io2', Size: 4 }],
    ['InvalidZone.NotFound', { AvailabilityZone: 'us-east-1z' }],
    ['InvalidSnapshot.NotFound', { SnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }],
    ['InvalidParameterDependency', { KmsKeyId: 'k' }],
    ['InvalidParameterValue', { ClientToken: 'x'.repeat(65) }],
  ])('is refused with %s where it is %j', async (code, input) => {
    expect(await refusal(create(input))).toBe(code)
    expect(simulator.region.volumes.all()).toEqual([])
  })

  test('is gp2 where no type is named', async () => {
    expect((await create({ VolumeType: undefined })).VolumeType).toBe('gp2')
  })

  test('whose key cannot be used is accepted, and vanishes or is in error afterwards', async () => {
    simulator.region.keys.set('broken', 'error').set('good', 'usable')
    const make = async (KmsKeyId: string) => await create({ Encrypted: true, KmsKeyId })
    const [unknown, broken, good] = [
      await make('unknown'),
      await make('broken'),
      await make('good'),
    ]
    await eventually(async () => {
      expect(await look(unknown.VolumeId ?? '')).toBeUndefined()
      expect((await look(broken.VolumeId ?? ''))?.State).toBe('error')
      expect((await look(good.VolumeId ?? ''))?.State).toBe('available')
    })
  })

  test('is refused beyond the limit of the account, also to a repeat of what was made', async () => {
    await create({ ClientToken: 't' })
    simulator.region.limits.volumes = 1
    expect(await refusal(create({ ClientToken: 't' }))).toBe('VolumeLimitExceeded')
  })
})

describe('a client token', () => {
  test('gets the same volume again', async () => {
    const [first, second] = await Promise.all([
      create({ ClientToken: 't' }),
      create({ ClientToken: 't' }),
    ])
    expect(second.VolumeId).toBe(first.VolumeId)
    expect(simulator.region.volumes.all()).toHaveLength(1)
  })

  test('is refused for another request', async () => {
    await create({ ClientToken: 't' })
    expect(await refusal(create({ ClientToken: 't', Size: 2 }))).toBe('IdempotentParameterMismatch')
  })

  test('gets the volume of its first use though that is gone', async () => {
    const id = await idOf({ ClientToken: 't' })
    await client.send(new DeleteVolumeCommand({ VolumeId: id }))
    await eventually(async () => expect(await look(id)).toBeUndefined())
    expect((await create({ ClientToken: 't' })).VolumeId).toBe(id)
  })

  test('is forgotten after its life', async () => {
    const id = await idOf({ ClientToken: 't' })
    simulator.region.clock.advance(simulator.region.limits.tokenLifeMs + 1)
    expect((await create({ ClientToken: 't' })).VolumeId).not.toBe(id)
  })
})

describe('a change of a volume', () => {
  const modify = (VolumeId: string, change: { Size?: number; VolumeType?: 'gp2' }) =>
    client.send(new ModifyVolumeCommand({ VolumeId, ...change }))
  const states = async (id: string) =>
    (
      await client.send(
        new DescribeVolumesModificationsCommand({ Filters: [{ Name: 'volume-id', Values: [id] }] }),
      )
    ).VolumesModifications?.map((one) => one.ModificationState)

  test('goes from modifying over optimizing to completed, the size is there from optimizing on', async () => {
    const id = await idOf()
    const { VolumeModification } = await modify(id, { Size: 2 })
    expect(VolumeModification).toMatchObject({ ModificationState: 'modifying', TargetSize: 2 })
    expect((await look(id))?.Size).toBe(1)
    await eventually(async () => expect(await states(id)).toEqual(['optimizing']))
    expect((await look(id))?.Size).toBe(2)
    expect(await refusal(modify(id, { Size: 3 }))).toBe('IncorrectModificationState')
    await eventually(async () => expect(await states(id)).toEqual(['completed']))
  })

  test('never makes it smaller', async () => {
    expect(await refusal(modify(await idOf({ Size: 2 }), { Size: 1 }))).toBe(
      'InvalidParameterValue',
    )
  })

  test('is refused after four in a day', async () => {
    const id = await idOf()
    simulator.region.limits.modifications = 1
    await modify(id, { Size: 1 })
    await eventually(async () => expect(await states(id)).toEqual(['completed']))
    expect(await refusal(modify(id, { Size: 2 }))).toBe('VolumeModificationRateExceeded')
    simulator.region.clock.advance(86_400_001)
    await modify(id, { Size: 2 })
  })

  test('that never was is an error by id, and nothing by filter', async () => {
    const id = await idOf()
    const byId = new DescribeVolumesModificationsCommand({ VolumeIds: [id] })
    expect(await refusal(client.send(byId))).toBe('InvalidVolumeModification.NotFound')
    expect(await states(id)).toEqual([])
  })
})

describe('a snapshot and a copy', () => {
  const snapshot = (VolumeId: string) => client.send(new CreateSnapshotCommand({ VolumeId }))

  test('a snapshot is pending, then completed, and no second one is made at once', async () => {
    const id = await idOf()
    const { SnapshotId = '' } = await snapshot(id)
    expect(await refusal(snapshot(id))).toBe('SnapshotCreationPerVolumeRateExceeded')
    expect(await refusal(create({ SnapshotId }))).toBe('IncorrectState')
    const all = () => client.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))
    await eventually(async () => expect((await all()).Snapshots?.[0]?.State).toBe('completed'))
    expect((await create({ SnapshotId })).SnapshotId).toBe(SnapshotId)
    await client.send(new DeleteSnapshotCommand({ SnapshotId }))
    expect(await refusal(client.send(new DeleteSnapshotCommand({ SnapshotId })))).toBe(
      'InvalidSnapshot.NotFound',
    )
  })

  test('a volume is at least as large as its snapshot', async () => {
    const { SnapshotId = '' } = await snapshot(await idOf({ Size: 2 }))
    await eventually(() =>
      expect(simulator.region.snapshots.get(SnapshotId)?.state).toBe('completed'),
    )
    expect(await refusal(create({ SnapshotId }))).toBe('InvalidParameterValue')
  })

  test('a copy lies in the zone of its source and carries none of its tags', async () => {
    const tags = [{ ResourceType: 'volume' as const, Tags: [{ Key: 'a', Value: 'b' }] }]
    const source = await idOf({ TagSpecifications: tags })
    const { Volumes } = await client.send(new CopyVolumesCommand({ SourceVolumeId: source }))
    expect(Volumes?.[0]).toMatchObject({ SourceVolumeId: source, AvailabilityZone: ZONE, Size: 1 })
    expect(Volumes?.[0]?.Tags ?? []).toEqual([])
  })
})
