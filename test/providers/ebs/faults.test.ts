import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isStorageError } from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { sleep } from '../../../src/libstorage/wait.ts'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import type { Fault } from '../../support/ec2/faults.ts'
import type { SimMachine } from '../../support/ec2/simulator.ts'
import { eventually } from '../../support/eventually.ts'

/** How long a caller waits who waits for an answer, and one who gets none, in milliseconds. */
const PATIENT_MS = 20_000
const HASTY_MS = 1_000
/** How long a caller repeats itself: longer than a request to EC2 may take. */
const REPEATED_MS = 40_000

let world: EbsWorld
let elsewhere: StorageDriver
let manager: MountManager
let callerMs: number
beforeEach(async () => {
  callerMs = PATIENT_MS
  world = await EbsWorld.open()
  elsewhere = (await world.provider(world.there)).driver
  await serve()
})
afterEach(async () => {
  await manager.close()
  await world.close()
})

async function serve(machine: SimMachine = world.here): Promise<void> {
  await manager?.close()
  manager = await ebsMountManager(world, machine)
  manager.start()
  // What it looks at when it starts.
  await manager.list()
}
const call = () => ({ signal: AbortSignal.timeout(callerMs) })
const create = (options = {}) => manager.create('data', options, call())
async function mount(name = 'data'): Promise<void> {
  const mounted = await manager.mount({ name, holder: 'one' }, call())
  mounted.delivered()
}
const unmount = () => manager.unmount({ name: 'data', holder: 'one' }, call())
const remove = () => manager.remove('data', call())
const made = () => world.simulator.named('data')
const attached = (machine = world.here) =>
  world.simulator.region
    .attachmentsOf(machine.id)
    .flatMap(({ volumeId, device }) => (device === '/dev/xvda' ? [] : [volumeId]))

/** Expects one of our sentences, with the way out or with what goes on. */
async function expectSaid(work: Promise<unknown>, says: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (refusal: unknown) => refusal,
  )
  expect(isStorageError(error), String(error)).toBe(true)
  expect(error).toHaveProperty('message', expect.stringMatching(says))
}

/** A caller repeats itself until it is served. */
async function repeated(work: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + REPEATED_MS
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(50)
    }
  }
}

const answer = (code: string, status: number): Fault => ({ kind: 'error', code, status })
const LASTING: readonly (readonly [string, Fault, RegExp])[] = [
  ['wrong keys', answer('AuthFailure', 401), /AuthFailure.*correct the access key/],
  ['an expired token', answer('ExpiredToken', 403), /ExpiredToken.*correct the access key/],
  [
    'a clock that is wrong',
    answer('RequestExpired', 400),
    /RequestExpired.*set this machine's clock/,
  ],
  ['a policy that allows nothing', answer('UnauthorizedOperation', 403), /policy of the caller/],
  ['throttling that lasts', { kind: 'throttle' }, /time|under way|longer|still being/],
]

/** The work is refused while the fault lasts, and succeeds afterwards. */
async function through(
  [fault, says]: readonly [Fault, RegExp],
  work: () => Promise<unknown>,
  nothingLeft: () => void,
): Promise<void> {
  const end = world.simulator.faults.always('*', fault)
  callerMs = fault.kind === 'error' ? PATIENT_MS : HASTY_MS
  await expectSaid(work(), says)
  nothingLeft()
  end()
  callerMs = PATIENT_MS
  await repeated(work)
}

test.each(LASTING)(
  '%s is said in the caller’s time, leaves nothing behind, and hinders no repeat',
  async (_name, ...fault) => {
    await through(fault, create, () => expect(made()).toEqual([]))
    expect(made()).toHaveLength(1)
    // So that nothing that was learnt answers in its place.
    await serve()
    await through(fault, mount, () => expect(attached()).toEqual([]))
    expect(attached()).toHaveLength(1)
    await repeated(unmount)
    await eventually(() => expect(attached()).toEqual([]))
    await through(fault, remove, () => expect(made()).toHaveLength(1))
    expect(made()).toEqual([])
  },
  60_000,
)

test('an endpoint that hangs is said in the caller’s time, and asked again when its own is up', async () => {
  const hanging: readonly [Fault, RegExp] = [{ kind: 'hang' }, /time|under way|longer|still being/]
  await through(hanging, create, () => expect(made()).toEqual([]))
  expect(made()).toHaveLength(1)
}, 60_000)

describe('Create', () => {
  test('beside a namesake in another zone names it and makes nothing, until that is gone', async () => {
    const { id } = await elsewhere.createVolume(ebsSpec('data', { zone: 'us-east-1b' }))
    await expectSaid(create(), new RegExp(`${id} in us-east-1b.*availabilityzone`))
    expect(made()).toHaveLength(1)
    await elsewhere.removeVolume(id)
    await repeated(create)
    expect(made().map(({ zone }) => zone)).toEqual(['us-east-1a'])
  })

  test('over the quota is refused with the way out, until it is raised', async () => {
    const { limits } = world.simulator.region
    limits.volumes = 0
    await expectSaid(create(), /VolumeLimitExceeded.*have the limit raised/)
    expect(made()).toEqual([])
    limits.volumes = 100
    await repeated(create)
    expect(made()).toHaveLength(1)
  })

  test('of a type that the zone lacks is refused with the way out', async () => {
    const { faults } = world.simulator
    const end = faults.always('CreateVolume', answer('VolumeTypeNotAvailableInZone', 400))
    await expectSaid(
      create({ type: 'io2', iops: '100', size: '4' }),
      /use another type or another zone/,
    )
    expect(made()).toEqual([])
    end()
    await repeated(create)
    expect(made()).toHaveLength(1)
  })

  test('with a key that is denied names the key, until it can be used', async () => {
    const { keys } = world.simulator.region
    keys.set('key', 'vanish')
    const encrypted = { encrypted: 'true', encryptionkey: 'key' }
    await expectSaid(create(encrypted), /KMS key is enabled/)
    expect(made()).toEqual([])
    keys.set('key', 'usable')
    await repeated(() => create(encrypted))
    expect(made()).toMatchObject([{ kmsKeyId: 'key' }])
  })
})

describe('Mount', () => {
  test('of a volume of another zone, by its id, is refused with the way out and attaches nothing', async () => {
    const { id } = await elsewhere.createVolume(ebsSpec('data', { zone: 'us-east-1b' }))
    await expectSaid(mount(id), /us-east-1b|in its zone/)
    expect(attached()).toEqual([])
    await expectSaid(mount(), /volume "data" not found/)
  })

  test('of a volume that was deleted behind our back says that it is gone, and a new one is used', async () => {
    const { id } = await elsewhere.createVolume(ebsSpec('data'))
    await manager.get('data')
    world.simulator.region.volumes.set(id, undefined)
    await expectSaid(mount(), /not found/)
    await repeated(create)
    await repeated(mount)
    expect(attached()).toEqual(made().map((one) => one.id))
    expect(attached()).not.toEqual([id])
  })

  test('whose device never appears is said, ends the attachment, and succeeds when it is repeated', async () => {
    const { id } = await elsewhere.createVolume(ebsSpec('data'))
    world.simulator.region.stuckAttaching.add(id)
    await manager.close()
    manager = await ebsMountManager(world, world.here, { attachTimeoutMs: 200 })
    await expectSaid(mount(), /device of volume "data" did not appear within 0.2 s/)
    await eventually(() => expect(attached()).toEqual([]))
    await repeated(mount)
    expect(attached()).toEqual([id])
  })

  test('on a full instance is refused with the numbers, and succeeds when there is room', async () => {
    const small = await world.simulator.launch({ type: 't3.nano' })
    await serve(small)
    const others: string[] = []
    for (const name of ['a', 'b', 'c'])
      others.push((await elsewhere.createVolume(ebsSpec(name))).id)
    for (const id of others) await elsewhere.attachVolume(id, small.id)
    await elsewhere.createVolume(ebsSpec('data'))
    await expectSaid(mount(), new RegExp(`${small.id} .*volumes, of the 4 it can have`))
    expect(attached(small).sort()).toEqual([...others].sort())
    await eventually(() => elsewhere.detachVolume(others[0] ?? '', small.id))
    await repeated(mount)
    expect(attached(small)).toHaveLength(3)
  })

  test('on an instance that another process made room on succeeds at once', async () => {
    const { types } = world.simulator.region
    types.set('m5.tiny', { name: 'm5.tiny', hypervisor: 'nitro', attachments: 11 })
    const tiny = await world.simulator.launch({ type: 'm5.tiny' })
    const others: string[] = []
    for (let made = 0; made < 10; made += 1)
      others.push((await elsewhere.createVolume(ebsSpec(`other-${made}`))).id)
    for (const id of others) await elsewhere.attachVolume(id, tiny.id)
    await serve(tiny)
    await elsewhere.createVolume(ebsSpec('data'))
    await expectSaid(mount(), new RegExp(`${tiny.id} .*11 volumes, of the 11 it can have`))
    await eventually(() => elsewhere.detachVolume(others[0] ?? '', tiny.id))
    await mount()
    expect(attached(tiny)).toHaveLength(10)
  })

  test('whose attach got no answer leaves no attachment that nobody knows', async () => {
    const { id } = await elsewhere.createVolume(ebsSpec('data'))
    world.simulator.faults.next('AttachVolume', { kind: 'drop', when: 'after' })
    await repeated(mount)
    expect(attached()).toEqual([id])
    await unmount()
    await eventually(() => expect(attached()).toEqual([]))
  })
})

test('a metadata service that blocks is said in a few seconds, and hinders nothing once it answers', async () => {
  const other = await world.simulator.launch()
  other.metadata.options.isSilent = true
  await manager.close()
  manager = await ebsMountManager(world, other)
  await expectSaid(manager.create('data', {}), /metadata service at .* does not answer/)
  expect(world.simulator.count('CreateVolume')).toBe(0)
  other.metadata.options.isSilent = false
  await repeated(create)
  await repeated(mount)
  expect(attached(other)).toHaveLength(1)
})
