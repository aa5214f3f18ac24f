import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AbortedError,
  PermissionDeniedError,
  TimeoutError,
  UnavailableError,
} from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

const TRANSIENT = [
  { kind: 'throttle' },
  { kind: 'error', code: 'Unavailable', status: 503 },
  { kind: 'drop', when: 'before' },
] as const

let world: EbsWorld
let driver: StorageDriver
beforeEach(async () => {
  world = await EbsWorld.open()
  driver = (await world.provider()).driver
})
afterEach(() => world.close())

describe('EC2 that cannot answer for the moment', () => {
  test.each(TRANSIENT)('is asked again after %j, whatever was asked', async (fault) => {
    const { faults } = world.simulator
    const again = (action: string) => faults.next(action, fault)
    again('CreateVolume')
    const { id } = await driver.createVolume(ebsSpec('data'))
    again('DescribeVolumes')
    expect(await driver.volumes({ name: 'data' })).toHaveLength(1)
    again('AttachVolume')
    await driver.attachVolume(id, world.here.id)
    await eventually(() =>
      expect(world.simulator.region.volume(id).attachments[0]?.state).toBe('attached'),
    )
    again('DetachVolume')
    await driver.detachVolume(id, world.here.id)
    again('DeleteVolume')
    await driver.removeVolume(id)
    expect(world.simulator.named('data')).toEqual([])
  })

  test('is given up after as many repeats as are configured, with its own words', async () => {
    driver = (await world.provider(world.here, { maxRetries: 1 })).driver
    world.simulator.faults.always('*', { kind: 'error', code: 'InternalError', status: 500 })
    const asked = driver.volumes()
    await expect(asked).rejects.toThrow(UnavailableError)
    await expect(asked).rejects.toThrow(
      /^the list of volumes was refused by EC2 \(ec2:DescribeVolumes: InternalError: An error was asked for, request [0-9a-f-]{36}\), try again$/,
    )
    expect(world.simulator.count('DescribeVolumes')).toBe(2)
    await expect(driver.volumes({ name: 'data' })).rejects.toThrow(/^volume "data" was refused/)
  })

  test('that never answers ends no later than its caller’s time', async () => {
    world.simulator.faults.always('*', { kind: 'hang' })
    const late = driver.volumes({}, { signal: AbortSignal.timeout(100) })
    await expect(late).rejects.toThrow(TimeoutError)
    const caller = new AbortController()
    const gone = driver.createVolume(ebsSpec('data'), { signal: caller.signal })
    await eventually(() => expect(world.simulator.count('CreateVolume')).toBe(1))
    caller.abort()
    await expect(gone).rejects.toThrow(AbortedError)
  })

  test('that is not there is said with the endpoint as suspect', async () => {
    await world.provider()
    driver = (await world.provider(world.here, { endpoint: 'http://127.0.0.1:1', maxRetries: 0 }))
      .driver
    const asked = driver.volumes()
    await expect(asked).rejects.toThrow(UnavailableError)
    await expect(asked).rejects.toThrow(/ECONNREFUSED.*see whether its endpoint can be reached/)
  })
})

describe('EC2 that says no', () => {
  test.each([
    ['DescribeVolumes', () => driver.volumes()],
    ['CreateVolume', () => driver.createVolume(ebsSpec('data'))],
    ['DeleteVolume', () => driver.removeVolume('vol-0aaaaaaaaaaaaaaaa')],
    ['AttachVolume', () => driver.attachVolume('vol-0aaaaaaaaaaaaaaaa', world.here.id)],
    ['DetachVolume', () => driver.detachVolume('vol-0aaaaaaaaaaaaaaaa', world.here.id)],
  ])(
    'a policy without ec2:%s is named by that action, and not asked twice',
    async (action, ask) => {
      world.simulator.region.denied.add(action)
      const asked = ask()
      await expect(asked).rejects.toThrow(PermissionDeniedError)
      await expect(asked).rejects.toThrow(
        new RegExp(`ec2:${action}: UnauthorizedOperation.*policy`),
      )
      expect(world.simulator.count(action)).toBe(1)
    },
  )

  test('one answer is no answer for others: a bad id fails nobody else’s look-up', async () => {
    const { id } = await driver.createVolume(ebsSpec('data'))
    const [good, bad, odd] = await Promise.allSettled([
      driver.volume(id),
      driver.volume('vol-0aaaaaaaaaaaaaaaa'),
      driver.volume('nonsense'),
    ])
    expect(good.status).toBe('fulfilled')
    expect([bad, odd].map((one) => one.status)).toEqual(['rejected', 'rejected'])
  })
})

describe('the machine', () => {
  test('whose metadata service does not answer is said in a few seconds, and asks EC2 nothing', async () => {
    world.here.metadata.options.isSilent = true
    const provider = await world.provider()
    await expect(provider.driver.volumes()).rejects.toThrow(
      /metadata service at 127.0.0.1:\d+ does not answer .*ebs.region and ebs.instanceId/,
    )
    expect(world.simulator.calls).toEqual([])
  })

  test('needs no metadata service where all of it is configured', async () => {
    world.here.metadata.options.isSilent = true
    const provider = await world.provider(world.here, {
      region: 'us-east-1',
      availabilityZone: 'us-east-1a',
      instanceId: world.here.id,
    })
    expect(await provider.driver.volumes()).toEqual([])
    expect(await provider.executor.instance()).toMatchObject({ id: world.here.id })
    expect(world.here.metadata.requests).toEqual([])
  })

  test('needs no more than its region and its id: EC2 says its zone', async () => {
    world.here.metadata.options.isEnabled = false
    const settings = { region: 'us-east-1', instanceId: world.here.id }
    const provider = await world.provider(world.here, settings)
    const made = await provider.driver.createVolume(ebsSpec('data'))
    const attachment = await provider.driver.attachVolume(made.id, world.here.id)
    await eventually(async () =>
      expect(await provider.executor.device(attachment)).toMatch(/nvme1n1$/),
    )
    expect(made.zone).toBe(world.here.zone)
    expect(world.simulator.count('DescribeInstances')).toBe(1)
  })

  test('whose zone EC2 does not say is said, and told when it does', async () => {
    world.here.metadata.options.isEnabled = false
    const settings = { region: 'us-east-1', instanceId: world.here.id }
    const { executor } = await world.provider(world.here, settings)
    world.simulator.region.denied.add('DescribeInstances')
    await expect(executor.instance()).rejects.toThrow(
      /^instance i-\w+ was refused by EC2 \(ec2:DescribeInstances: UnauthorizedOperation/,
    )
    world.simulator.region.denied.clear()
    expect(await executor.instance()).toMatchObject({ zone: world.here.zone })
  })

  test('that EC2 does not show to the caller is said', async () => {
    world.here.metadata.options.isEnabled = false
    const settings = { region: 'us-east-1', instanceId: 'i-0aaaaaaaaaaaaaaaa' }
    const { driver: other } = await world.provider(world.here, settings)
    await expect(other.volumes()).rejects.toThrow(
      /^instance i-0aaaaaaaaaaaaaaaa is not shown by EC2 to this caller .*set ebs.region and ebs.instanceId/,
    )
  })

  test('finds the disks that it has while EC2 does not say its zone', async () => {
    const { id } = await driver.createVolume(ebsSpec('data'))
    const attachment = await driver.attachVolume(id, world.here.id)
    world.here.metadata.options.isEnabled = false
    const settings = { region: 'us-east-1', instanceId: world.here.id }
    const { executor } = await world.provider(world.here, settings)
    world.simulator.faults.always('*', { kind: 'hang' })
    await eventually(async () => expect(await executor.device(attachment)).toBeDefined())
  })

  test('whose configured region is wrong uses its own, and says so', async () => {
    driver = (await world.provider(world.here, { region: 'eu-west-1' })).driver
    expect(await driver.volumes()).toEqual([])
    expect(world.warnings).toHaveLength(1)
  })
})

describe('names', () => {
  const inZone = (name: string, zone: string) => driver.createVolume(ebsSpec(name, { zone }))

  test('are looked up in this zone, in the region where that is asked for', async () => {
    await inZone('data', 'us-east-1b')
    expect(await driver.volumes({ name: 'data' })).toEqual([])
    expect(await driver.volumes({ name: 'data', anyZone: true })).toHaveLength(1)
  })

  test('may exist once in each zone where that is configured: others are never seen', async () => {
    driver = (await world.provider(world.here, { perZoneNames: true })).driver
    await inZone('data', 'us-east-1b')
    expect(await driver.volumes({ name: 'data', anyZone: true })).toEqual([])
  })

  test('with pattern characters are meant as they are', async () => {
    await driver.createVolume(ebsSpec('da*a'))
    await driver.createVolume(ebsSpec('data'))
    expect((await driver.volumes({ name: 'da*a' })).map(({ name }) => name)).toEqual(['da*a'])
    expect(await driver.volumes({ name: 'd?ta' })).toEqual([])
  })

  test('of more than a page are all listed', async () => {
    const { region } = world.simulator
    const { id } = await driver.createVolume(ebsSpec('data'))
    for (let made = 0; made < 600; made += 1) {
      const copy = { ...region.volume(id), id: region.newId('vol') }
      region.volumes.set(copy.id, copy)
    }
    world.simulator.takeCounts()
    expect(await driver.volumes()).toHaveLength(601)
    expect(world.simulator.takeCounts()).toEqual({ DescribeVolumes: 2 })
  })

  test('a root disk, one with Multi-Attach and one of another system are told apart', async () => {
    const { region } = world.simulator
    const { id } = await driver.createVolume(ebsSpec('data'))
    region.change(id, { multiAttach: true, operator: 'ecs.amazonaws.com' })
    expect(await driver.volume(id)).toMatchObject({
      multiAttach: true,
      managedBy: 'ecs.amazonaws.com',
    })
    const [root] = region.attachmentsOf(world.here.id)
    expect(await driver.volume(root?.volumeId ?? '')).toMatchObject({
      managedBy: `instance ${world.here.id} as its root disk`,
    })
    expect(await driver.volumes({ instanceId: world.here.id })).toEqual([])
  })
})
