import {
  CreateTagsCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeVolumesCommand,
  type DescribeVolumesCommandInput,
  DetachVolumeCommand,
  type EC2Client,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { clientOf, refusal } from './client.ts'
import { Ec2Simulator } from './simulator.ts'

const MISSING = 'vol-0aaaaaaaaaaaaaaaa'

let simulator: Ec2Simulator
let client: EC2Client
beforeEach(async () => {
  simulator = await Ec2Simulator.start({ factor: 0.01, delays: { lag: 0, tagLag: 0 } })
  client = clientOf(simulator)
})
afterEach(() => simulator.close())

const create = async (name = 'x') => {
  const TagSpecifications = [
    { ResourceType: 'volume' as const, Tags: [{ Key: 'Name', Value: name }] },
  ]
  const command = new CreateVolumeCommand({
    AvailabilityZone: 'us-east-1a',
    Size: 1,
    TagSpecifications,
  })
  return (await client.send(command)).VolumeId ?? ''
}
const describeVolumes = (input: DescribeVolumesCommandInput) =>
  client.send(new DescribeVolumesCommand(input))

test('a refusal has a code, a sentence, a status and the id of the request', async () => {
  const error: unknown = await describeVolumes({ VolumeIds: [MISSING] }).catch(
    (one: unknown) => one,
  )
  expect(error).toMatchObject({
    name: 'InvalidVolume.NotFound',
    message: `The volume '${MISSING}' does not exist.`,
    $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  })
})

test('an action that is unknown is refused', async () => {
  const response = await fetch(simulator.endpoint, {
    method: 'POST',
    body: 'Action=Nothing',
    headers: { authorization: 'AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/ec2/aws4_request' },
  })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('<Code>InvalidAction</Code>')
})

describe('look-ups', () => {
  test('one missing id fails the whole list, and only the missing are named', async () => {
    const id = await create()
    const request = describeVolumes({ VolumeIds: [id, MISSING] })
    await expect(request).rejects.toThrow(`The volume '${MISSING}' does not exist.`)
    expect(await refusal(describeVolumes({ VolumeIds: ['data'] }))).toBe(
      'InvalidVolumeID.Malformed',
    )
  })

  test('as a filter a missing id is no error', async () => {
    const id = await create()
    const Filters = [{ Name: 'volume-id', Values: [id, MISSING] }]
    expect((await describeVolumes({ Filters })).Volumes).toHaveLength(1)
  })

  test('a filter takes 200 values, and no name that it does not know', async () => {
    const filter = (Name: string, count: number) =>
      describeVolumes({ Filters: [{ Name, Values: Array.from({ length: count }, () => 'x') }] })
    expect(await refusal(filter('volume-id', 200))).toBe('no refusal')
    expect(await refusal(filter('volume-id', 201))).toBe('FilterLimitExceeded')
    await create()
    expect(await refusal(filter('colour', 1))).toBe('InvalidParameterValue')
  })

  test('filter values are patterns, case counts, and a backslash makes a literal', async () => {
    for (const name of ['data', 'Data', 'd*ta']) await create(name)
    const names = async (value: string) => {
      const found = await describeVolumes({ Filters: [{ Name: 'tag:Name', Values: [value] }] })
      return (found.Volumes ?? []).map(({ Tags }) => Tags?.[0]?.Value).sort()
    }
    expect(await names('data')).toEqual(['data'])
    expect(await names('d*ta')).toEqual(['d*ta', 'data'])
    expect(await names('d?ta')).toEqual(['d*ta', 'data'])
    expect(await names('d\\*ta')).toEqual(['d*ta'])
  })

  test('pages have the size that was asked for, from 5 to 1,000, and not together with ids', async () => {
    for (let made = 0; made < 12; made += 1) await create(String(made))
    const sizes: number[] = []
    const ids = new Set<string | undefined>()
    let token: string | undefined
    do {
      const page = await describeVolumes({ MaxResults: 5, NextToken: token })
      sizes.push(page.Volumes?.length ?? 0)
      for (const { VolumeId } of page.Volumes ?? []) ids.add(VolumeId)
      token = page.NextToken
    } while (token !== undefined)
    expect(sizes).toEqual([5, 5, 2])
    expect(ids.size).toBe(12)
    expect(await refusal(describeVolumes({ MaxResults: 4 }))).toBe('InvalidParameterValue')
    expect(await refusal(describeVolumes({ MaxResults: 1_001 }))).toBe('InvalidParameterValue')
    expect(await refusal(describeVolumes({ NextToken: 'x', MaxResults: 5 }))).toBe(
      'InvalidParameterValue',
    )
    expect(await refusal(describeVolumes({ MaxResults: 5, VolumeIds: [[...ids][0] ?? ''] }))).toBe(
      'InvalidParameterCombination',
    )
  })

  test('instances and their types are shown', async () => {
    const machine = await simulator.launch()
    const byFilter = new DescribeInstancesCommand({
      Filters: [{ Name: 'instance-id', Values: [machine.id, 'nobody'] }],
    })
    const { Reservations } = await client.send(byFilter)
    const [seen] = Reservations?.flatMap((one) => one.Instances ?? []) ?? []
    expect(seen).toMatchObject({ InstanceId: machine.id, State: { Name: 'running', Code: 16 } })
    expect(seen?.BlockDeviceMappings?.[0]?.Ebs?.Status).toBe('attached')
    const unknown = new DescribeInstancesCommand({ InstanceIds: ['i-0aaaaaaaaaaaaaaaa'] })
    expect(await refusal(client.send(unknown))).toBe('InvalidInstanceID.NotFound')
    const types = new DescribeInstanceTypesCommand({ InstanceTypes: ['m5.large'] })
    const { InstanceTypes } = await client.send(types)
    expect(InstanceTypes?.[0]?.EbsInfo?.MaximumEbsAttachments).toBe(27)
  })

  test('a stop tells the state before and after, and when it was asked for', async () => {
    const machine = await simulator.launch()
    const answer = await client.send(new StopInstancesCommand({ InstanceIds: [machine.id] }))
    expect(answer.StoppingInstances?.[0]).toMatchObject({
      CurrentState: { Name: 'stopping' },
      PreviousState: { Name: 'running' },
    })
    expect(simulator.region.instance(machine.id).reason).toMatch(/^User initiated \(.* GMT\)$/)
  })

  test('tags can be added later', async () => {
    const id = await create()
    await client.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'a', Value: 'b' }] }))
    expect(simulator.region.volume(id).tags).toEqual({ Name: 'x', a: 'b' })
  })
})

describe('permission', () => {
  test('a dry run says that it would have succeeded, and does nothing', async () => {
    const command = new CreateVolumeCommand({
      AvailabilityZone: 'us-east-1a',
      Size: 1,
      DryRun: true,
    })
    expect(await refusal(client.send(command))).toBe('DryRunOperation')
    expect(simulator.region.volumes.all()).toEqual([])
  })

  test('what the policy does not allow is refused, a dry run of it too', async () => {
    simulator.region.denied.add('DescribeVolumes')
    for (const DryRun of [false, true])
      expect(await refusal(describeVolumes({ DryRun }))).toBe('UnauthorizedOperation')
  })

  test('what is signed for another region is refused', async () => {
    expect(
      await refusal(clientOf(simulator, 'eu-west-1').send(new DescribeVolumesCommand({}))),
    ).toBe('AuthFailure')
  })
})

describe('request buckets', () => {
  test('a bucket of changes holds 50 and fills by 5 a second, each action its own', async () => {
    await simulator.close()
    simulator = await Ec2Simulator.start()
    client = clientOf(simulator)
    const detach = () => refusal(client.send(new DetachVolumeCommand({ VolumeId: MISSING })))
    const answers = await Promise.all(Array.from({ length: 60 }, detach))
    const refused = answers.filter((code) => code === 'RequestLimitExceeded').length
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThanOrEqual(10)
    expect(await refusal(describeVolumes({}))).toBe('no refusal')
    simulator.region.clock.advance(1_000)
    const later = await Promise.all(Array.from({ length: 5 }, detach))
    expect(later.every((code) => code === 'InvalidVolume.NotFound')).toBe(true)
  })

  test('looking at everything without pages has a smaller bucket', async () => {
    await simulator.close()
    simulator = await Ec2Simulator.start()
    client = clientOf(simulator)
    const codes = await Promise.all(Array.from({ length: 70 }, () => refusal(describeVolumes({}))))
    expect(codes).toContain('RequestLimitExceeded')
    expect(await refusal(describeVolumes({ MaxResults: 5 }))).toBe('no refusal')
  })
})

describe('faults on demand', () => {
  test('a throttle and an error are answered instead of the work', async () => {
    simulator.faults.next('CreateVolume', { kind: 'throttle' })
    simulator.faults.next('CreateVolume', { kind: 'error', code: 'InternalError', status: 500 })
    expect([await refusal(create()), await refusal(create())]).toEqual([
      'RequestLimitExceeded',
      'InternalError',
    ])
    expect(simulator.region.volumes.all()).toEqual([])
    await create()
  })

  test('a connection is dropped before the work, or after it', async () => {
    simulator.faults.next('CreateVolume', { kind: 'drop', when: 'before' })
    await expect(create()).rejects.toThrow()
    expect(simulator.region.volumes.all()).toEqual([])
    simulator.faults.next('CreateVolume', { kind: 'drop', when: 'after' })
    await expect(create()).rejects.toThrow()
    expect(simulator.region.volumes.all()).toHaveLength(1)
  })

  test('a reply comes late, or never', async () => {
    simulator.faults.next('CreateVolume', { kind: 'slow', ms: 100 })
    const slow = create()
    await eventually(() => expect(simulator.region.volumes.all()).toHaveLength(1))
    await slow
    const stop = simulator.faults.always('*', { kind: 'hang' })
    const abortSignal = AbortSignal.timeout(200)
    await expect(client.send(new DescribeVolumesCommand({}), { abortSignal })).rejects.toThrow()
    stop()
    await create()
  })

  test('every request is counted, with what came of it', async () => {
    simulator.faults.next('CreateVolume', { kind: 'throttle' })
    await refusal(create())
    await create()
    expect(simulator.count('CreateVolume')).toBe(2)
    expect(simulator.calls.map((call) => call.outcome)).toEqual(['RequestLimitExceeded', 'ok'])
    expect(simulator.takeCounts()).toEqual({ CreateVolume: 2 })
    expect(simulator.takeCounts()).toEqual({})
  })
})
