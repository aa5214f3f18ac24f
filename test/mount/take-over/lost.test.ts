import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError, UnavailableError } from '../../../src/libstorage/errors.ts'
import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { TwoMachines, until } from '../../support/two-machines.ts'

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

function platformCalls(): number {
  return machines.platform.calls.filter(
    ({ call, instanceId }) => call !== 'device' && instanceId === 'here',
  ).length
}

/** Waits until the watch has looked a few times. */
async function watched(): Promise<void> {
  const looks = world.kernel.identityLooks + 3
  await until(() => world.kernel.identityLooks >= looks)
}

describe('a server whose volume was taken by another machine', () => {
  test('notices it by itself: the dead mount goes, the references stay, record, event and log say to whom', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const id = machines.platform.volumes()[0]?.id ?? ''
    // At one stroke: in between nobody would have it, however long the other machine takes.
    machines.platform.pull(id)
    machines.platform.attachByHand(id, 'there')
    await until(() => world.warnings.some((warning) => warning.includes('volume data was lost')))
    const record = world.ledger().get(id)
    expect(record).toMatchObject({ lost: { to: 'there' }, references: [{ id: 'a' }] })
    expect(record?.mount).toBeUndefined()
    expect(record?.attachment).toBeUndefined()
    expect(world.isMounted('data')).toBe(false)
    expect(world.kernel.effects.at(-1)).toBe('unmount lazily /mnt/data')
    expect(await manager.path('data')).toBeUndefined()
    const since = machines.platform.volumes()[0]?.attachments[0]?.since.toISOString()
    expect(machines.causes('lost')[0]).toContain(
      `it is attached to there since ${since}; attached here since`,
    )
    expect(world.events.find(({ kind }) => kind === 'lost')).toMatchObject({ instance: 'there' })
    expect(machines.holder()).toBe('there')
  })

  test('lets the last of its lost references go without touching the other machine', async () => {
    const manager = machines.startedServer(true)
    const id = await machines.takenFrom(manager)
    await until(() => world.ledger().get(id)?.lost !== undefined)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.ledger().get(id)?.references).toEqual([])
    expect(machines.holder()).toBe('there')
    expect(machines.there.isMounted('data')).toBe(true)
  })

  test('asks nothing of the platform while its devices are there', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await watched()
    const calls = platformCalls()
    await watched()
    expect(platformCalls()).toBe(calls)
  })

  test('asks who has it once', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const id = machines.platform.volumes()[0]?.id ?? ''
    const before = machines.platform.calls.length
    machines.platform.pull(id)
    machines.platform.attachByHand(id, 'there')
    await until(() => world.ledger().get(id)?.lost?.to === 'there')
    await new Promise((resolve) => setTimeout(resolve, 100))
    const asked = machines.platform.calls.slice(before).filter(({ call }) => call === 'volume')
    expect(asked).toHaveLength(1)
  })

  test('says that nobody has it where the platform says so twice', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    machines.platform.pull(machines.platform.volumes()[0]?.id ?? '')
    await until(() => machines.causes('lost').length > 0)
    expect(machines.causes('lost')[0]).toContain('the platform names no machine that has it')
    expect(machines.platform.count('volume')).toBeGreaterThan(1)
  })

  test('notices another disk under the name of its own', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const [device = ''] = world.kernel.mounts().map(({ source }) => source)
    world.kernel.replaced.add(device)
    await until(() => world.ledger().all()[0]?.lost !== undefined)
    // The platform still says that it is attached here: the record does, too, so that the last Unmount detaches it.
    expect(world.ledger().all()[0]).toMatchObject({ attachment: { instanceId: 'here' }, lost: {} })
  })

  test('takes a loss for one also while the platform does not answer', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    machines.platform.failAlways(
      'volume',
      new UnavailableError({ subject: 'platform', problem: 'is out' }),
    )
    machines.platform.pull(machines.platform.volumes()[0]?.id ?? '')
    await until(() => world.ledger().all()[0]?.lost !== undefined)
    expect(world.ledger().all()[0]).toMatchObject({
      attachment: { instanceId: 'here' },
      references: [{ id: 'a' }],
    })
  })

  test('mounts a volume that came back to nobody as any other', async () => {
    const manager = machines.startedServer(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const id = machines.platform.volumes()[0]?.id ?? ''
    machines.platform.pull(id)
    await until(() => world.ledger().get(id)?.lost !== undefined)
    await mounted(manager, 'data', 'b')
    expect(world.ledger().get(id)?.lost).toBeUndefined()
    expect(world.isMounted('data')).toBe(true)
  })
})

test('a disk that goes while the last Unmount looks at it, as one that was asked back does, is let go of', async () => {
  const manager = machines.server(false)
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  const look = world.kernel.exclusiveOpen
  world.kernel.exclusiveOpen = async (device) => {
    machines.platform.pull(machines.platform.volumes()[0]?.id ?? '')
    world.kernel.exclusiveOpen = look
    throw new FailedPreconditionError({ subject: device, problem: 'cannot be read' })
  }
  await manager.unmount({ name: 'data', holder: 'a' })
  expect(world.kernel.mounts()).toEqual([])
  expect(world.ledger().all()).toEqual([])
  await manager.remove('data')
})

describe('a loss that nothing on this machine shows', () => {
  test('is found at the start of a server', async () => {
    const id = await machines.takenFrom(machines.server(false))
    const next = machines.server(false)
    next.start()
    await until(() => world.ledger().get(id)?.lost?.to === 'there')
    expect(world.isMounted('data')).toBe(false)
  })

  test('is found when the platform answers again after an outage', async () => {
    const manager = machines.server(false)
    const before = world.kernel.deviceIdentity
    world.kernel.deviceIdentity = (device) => before.call(world.kernel, device) ?? `disk ${device}`
    manager.start()
    const id = await machines.takenFrom(manager)
    await watched()
    expect(world.ledger().get(id)?.lost).toBeUndefined()
    machines.platform.failNext(
      'volumes',
      new UnavailableError({ subject: 'platform', problem: 'is out' }),
    )
    await expect(manager.get('nothing')).rejects.toThrow('is out')
    await expect(manager.get('nothing')).rejects.toThrow('not found')
    await until(() => world.ledger().get(id)?.lost?.to === 'there')
  })

  test('is found at Mount, and the dead mount is taken away', async () => {
    const manager = machines.server(false)
    const id = await machines.takenFrom(manager)
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('is attached to there')
    expect(world.ledger().get(id)).toMatchObject({
      lost: { to: 'there' },
      references: [{ id: 'a' }],
    })
    expect(world.isMounted('data')).toBe(false)
  })

  test('is found at Mount where a read of the disk hangs', async () => {
    const manager = machines.server(false)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const id = machines.platform.volumes()[0]?.id ?? ''
    world.kernel.hangs = true
    await expect(mounted(manager, 'data', 'b')).rejects.toThrow('does not answer')
    expect(world.ledger().get(id)?.lost).toBeUndefined()
    machines.platform.pull(id)
    machines.platform.attachByHand(id, 'there')
    await expect(mounted(manager, 'data', 'b')).rejects.toThrow('is attached to there')
    expect(world.ledger().get(id)?.lost?.to).toBe('there')
  })

  test('is found at Mount where nobody has it any more, and the volume is mounted afresh', async () => {
    const manager = machines.server(false)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    machines.platform.pull(machines.platform.volumes()[0]?.id ?? '')
    await mounted(manager, 'data', 'b')
    expect(machines.causes('lost')).toHaveLength(1)
    expect(world.kernel.mounts()).toHaveLength(1)
    expect(
      world
        .ledger()
        .all()[0]
        ?.references.map(({ id }) => id),
    ).toEqual(['a', 'b'])
  })

  test('is none where a volume that nobody has is only recorded as attached, as after a reboot', async () => {
    const manager = machines.startedServer(false)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await manager.close()
    const [record] = world.ledger().all()
    if (record === undefined) throw new Error('the volume is recorded')
    for (const { mountPoint } of world.kernel.mounts()) await world.kernel.unmount(mountPoint)
    machines.platform.pull(record.volume.id)
    const { mount: _, ...unmounted } = record
    await world.ledger().put({ ...unmounted, bootId: 'earlier' })
    const next = machines.startedServer(false)
    await mounted(next, 'data', 'b')
    expect(machines.causes('lost')).toEqual([])
  })
})
