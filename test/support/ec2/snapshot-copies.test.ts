import {
  CopySnapshotCommand,
  type CopySnapshotCommandInput,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { clientOf, refusal } from './client.ts'
import { Ec2Simulator } from './simulator.ts'

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

let simulator: Ec2Simulator
let client: EC2Client
let source: string
beforeEach(async () => {
  simulator = await Ec2Simulator.start({ factor: 0.01, delays: { lag: 0, tagLag: 0 } })
  client = clientOf(simulator)
  source = await snapshotOf({})
})
afterEach(() => simulator.close())

const state = (id: string, { region } = simulator) => region.snapshots.get(id)?.state
const snapshotOf = async (rest: object) => {
  const made = { AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3', ...rest } as const
  const { VolumeId = '' } = await client.send(new CreateVolumeCommand(made))
  await eventually(() => expect(simulator.region.volume(VolumeId).state).toBe('available'))
  const { SnapshotId = '' } = await client.send(new CreateSnapshotCommand({ VolumeId }))
  await eventually(() => expect(state(SnapshotId)).toBe('completed'))
  return SnapshotId
}
const copy = async (rest: Partial<CopySnapshotCommandInput> = {}, by = client) => {
  const request = { SourceRegion: 'us-east-1', SourceSnapshotId: source, ...rest }
  return await by.send(new CopySnapshotCommand(request))
}
const look = async (id = '', by = client) => {
  const { Snapshots } = await by.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }))
  return Snapshots?.[0]
}

test('a copy is pending, then completed, has tags and a description, and is of no volume', async () => {
  const Tags = [{ Key: 'a', Value: 'b' }]
  const made = await copy({
    Description: 'x',
    TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
  })
  expect(made.Tags).toEqual(Tags)
  const { SnapshotId = '' } = made
  expect(await look(SnapshotId)).toMatchObject({
    State: 'pending',
    Description: 'x',
    VolumeId: 'vol-ffffffff',
    VolumeSize: 1,
    Encrypted: false,
    Tags,
  })
  await eventually(() => expect(state(SnapshotId)).toBe('completed'))
})

test('every request makes another one', async () => {
  expect((await copy()).SnapshotId).not.toBe((await copy()).SnapshotId)
})

test.each([
  ['InvalidSnapshot.NotFound', { SourceSnapshotId: 'snap-0aaaaaaaaaaaaaaaa' }],
  ['InvalidParameterValue', { SourceRegion: 'eu-west-9' }],
  ['InvalidParameterDependency', { KmsKeyId: KEY }],
])('is refused as %s', async (code, rest) => {
  expect(await refusal(copy(rest))).toBe(code)
})

test('of one that is not completed is refused, and so are more at once than the limit', async () => {
  const { SnapshotId = '' } = await copy()
  expect(await refusal(copy({ SourceSnapshotId: SnapshotId }))).toBe('IncorrectState')
  simulator.region.limits.snapshotCopies = 1
  expect(await refusal(copy())).toBe('ResourceLimitExceeded')
})

test('encryption stays, with the key that is named or else the default of the region', async () => {
  simulator.region.keys.set(KEY, 'usable')
  source = await snapshotOf({ Encrypted: true, KmsKeyId: KEY })
  const named = await copy({ Encrypted: true, KmsKeyId: KEY })
  expect(await look(named.SnapshotId)).toMatchObject({ Encrypted: true, KmsKeyId: KEY })
  simulator.region.defaultKey = `${KEY}9`
  const { SnapshotId } = await copy()
  expect(await look(SnapshotId)).toMatchObject({ Encrypted: true, KmsKeyId: `${KEY}9` })
})

test('a key that may not be used fails later, with its reason', async () => {
  const { SnapshotId = '' } = await copy({ Encrypted: true, KmsKeyId: KEY })
  await eventually(() => expect(state(SnapshotId)).toBe('error'))
  expect((await look(SnapshotId))?.StateMessage).toBe('Given key ID is not accessible')
})

test('a copy whose original goes away fails', async () => {
  const { SnapshotId = '' } = await copy()
  await client.send(new DeleteSnapshotCommand({ SnapshotId: source }))
  await eventually(() => expect(state(SnapshotId)).toBe('error'))
})

test('another region has it from here, and what is signed for here it does not take', async () => {
  const far = await Ec2Simulator.start({ region: 'eu-west-1', factor: 0.01, delays: { lag: 0 } })
  try {
    far.region.others.set('us-east-1', simulator.region)
    const { SnapshotId = '' } = await copy({}, clientOf(far, 'eu-west-1'))
    await eventually(() => expect(state(SnapshotId, far)).toBe('completed'))
    expect(state(SnapshotId)).toBeUndefined()
    expect(await refusal(copy({}, clientOf(far)))).toBe('AuthFailure')
  } finally {
    await far.close()
  }
})
