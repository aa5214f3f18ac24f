import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../../src/libstorage/errors.ts'
import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { mayTake, TwoMachines, until } from '../../support/two-machines.ts'

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

describe('a crash', () => {
  /** The process that was before this one is gone: what it still does reaches nothing. */
  async function crashed(settled: Promise<unknown>): Promise<void> {
    world.platform.failAlways(
      'volume',
      new UnavailableError({ subject: 'platform', problem: 'is out' }),
    )
    await settled.catch(() => {})
    world.platform.failAlways('volume')
  }

  test('between the request and the force: the next process forces when the grace of the first request is over', async () => {
    const { id } = await machines.mountedThere()
    const first = mounted(machines.server(true, { preemptGraceMs: 400 }), 'data', 'a')
    await until(() => world.ledger().get(id)?.takeOver?.isHeld === true)
    const requestedAt = world.ledger().get(id)?.takeOver?.detachRequestedAt
    await crashed(first)
    expect(world.ledger().get(id)?.takeOver?.detachRequestedAt).toBe(requestedAt)
    const detaches = world.platform.count('detachVolume')
    await mounted(machines.server(true, { preemptGraceMs: 400 }), 'data', 'a')
    expect(world.platform.count('detachVolume')).toBe(detaches + 1)
    expect(machines.causes('taken-over')).toEqual(['there was detached by force'])
  })

  test('before the request was sent: it is sent, and its grace begins then', async () => {
    const { id, since } = await machines.mountedThere()
    const long = new Date(Date.now() - 3_600_000).toISOString()
    const meant = { from: 'there', since, begunAt: long, detachRequestedAt: long }
    await machines.server(true).create('data', {})
    const manager = machines.server(true, { preemptGraceMs: 200 })
    const facts = machines.there.ledger().get(id)
    if (facts === undefined) throw new Error('the other machine knows the volume')
    const { attachment: _, mount: __, ...record } = facts
    await world.ledger().put({ ...record, references: [], takeOver: meant })
    const mount = mounted(manager, 'data', 'a')
    await until(() => world.ledger().get(id)?.takeOver?.isHeld === true)
    expect(world.ledger().get(id)?.takeOver?.detachRequestedAt).not.toBe(long)
    expect(machines.holder()).toBe('there')
    await mount
  })

  test('after a machine that was down was asked: one that runs again meanwhile has its time, and is not stopped', async () => {
    const id = machines.attachedThere()
    world.platform.machines.set('there', 'stopped')
    const out = new UnavailableError({ subject: 'platform', problem: 'is out' })
    world.platform.failNext('detachVolume', out)
    await expect(mounted(machines.server('fence'), 'data', 'a')).rejects.toThrow('is out')
    expect(world.ledger().get(id)?.takeOver?.wasDown).toBe(true)
    world.platform.machines.set('there', 'running')
    const looks = world.platform.count('instanceStatus')
    const second = mounted(machines.server('fence', { attachWaitMs: 60_000 }), 'data', 'a')
    await until(() => world.platform.count('instanceStatus') > looks + 2)
    world.platform.pull(id)
    await second
    expect(world.platform.count('stopInstance')).toBe(0)
  })

  test('after a machine was asked to stop: the next process waits until it has', async () => {
    const { id } = await machines.mountedThere()
    const first = mounted(machines.server('fence'), 'data', 'a')
    await until(() => world.platform.machines.status('there')?.state === 'stopping')
    await crashed(first)
    expect(world.ledger().get(id)?.takeOver?.stopRequestedAt).toBeDefined()
    const second = mounted(machines.server('fence'), 'data', 'a')
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await second
    expect(world.platform.count('stopInstance')).toBe(1)
    expect(machines.causes('taken-over')).toEqual(['there was stopped and was detached'])
  })

  test('after the holder has let go: the next process attaches, and nothing is left of what was to be taken over', async () => {
    const id = machines.attachedThere()
    world.platform.failNext(
      'attachVolume',
      new UnavailableError({ subject: 'platform', problem: 'is out' }),
    )
    await expect(mounted(machines.server(true), 'data', 'a')).rejects.toThrow('is out')
    expect(machines.holder()).toBeUndefined()
    expect(world.ledger().get(id)?.takeOver).toBeUndefined()
    await mounted(machines.server(true), 'data', 'a')
    expect(world.ledger().get(id)?.takeOver).toBeUndefined()
  })

  test('of a start with nothing but a take-over in the record keeps it', async () => {
    const { id } = await machines.mountedThere()
    const first = mounted(machines.server('fence'), 'data', 'a')
    await until(() => world.platform.machines.status('there')?.state === 'stopping')
    await crashed(first)
    const next = machines.server('fence')
    next.start()
    await next.close()
    expect(world.ledger().get(id)?.takeOver?.from).toBe('there')
  })
})

describe('a reply that was lost', () => {
  test('of a detach is made good by a look', async () => {
    const id = machines.attachedThere()
    const open = world.platform.block('detachVolume')
    const mount = mounted(machines.server(true, { preemptGraceMs: 50 }), 'data', 'a')
    await until(() => world.platform.count('detachVolume') > 0)
    world.platform.pull(id)
    await mount
    open()
    expect(machines.holder()).toBe('here')
  })
})

describe('two machines at once', () => {
  test('both take a volume from a third: one of them has it in the end, and nobody mounts it twice', async () => {
    const id = world.platform.add({ name: 'data' }).id
    world.platform.attachByHand(id, 'third')
    world.platform.machines.set('third', 'stopped')
    const there = machines.there.manager('server', mayTake('dead'))
    const outcomes = await Promise.allSettled([
      mounted(machines.server('dead'), 'data', 'a'),
      mounted(there, 'data', 'b'),
    ])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect([world.isMounted('data'), machines.there.isMounted('data')].filter(Boolean)).toEqual([
      true,
    ])
  })
})
