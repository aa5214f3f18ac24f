import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { TwoMachines, until } from '../../support/two-machines.ts'

const MINUTE_MS = 60_000

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

describe('a refusal', () => {
  test('names the holder, its state, since when, and the two ways out', async () => {
    const id = machines.attachedThere()
    const since = world.platform.volumes()[0]?.attachments[0]?.since.toISOString()
    world.platform.clock.advance(MINUTE_MS)
    world.platform.machines.set('there', 'stopped')
    await expect(mounted(machines.server(false), 'data', 'a')).rejects.toThrow(
      `volume "data" is attached to there since ${since} (which is stopped since 2024-05-01T12:01:00.001Z), stop what uses it there and detach it there, or take it with mount.preempt or volume mount --force`,
    )
    expect(world.platform.count('detachVolume')).toBe(0)
    expect(world.ledger().get(id)).toBeUndefined()
  })

  test.each([false, 'dead'] as const)(
    'comes after attachWait where the holder runs, under %s',
    async (preempt) => {
      machines.attachedThere()
      await expect(
        mounted(machines.server(preempt, { attachWaitMs: 80 }), 'data', 'a'),
      ).rejects.toThrow('which runs')
      expect(world.platform.count('volume')).toBeGreaterThan(2)
      expect(machines.holder()).toBe('there')
    },
  )

  test.each([false, 'dead'] as const)(
    'comes after attachWait where the holder is letting go, under %s',
    async (preempt) => {
      world.platform.say(machines.attachedThere(), 'detaching')
      await expect(
        mounted(machines.server(preempt, { attachWaitMs: 20 }), 'data', 'a'),
      ).rejects.toThrow('letting it go')
    },
  )

  test('of a stopping holder comes after attachWait under false', async () => {
    machines.attachedThere()
    world.platform.machines.set('there', 'stopping')
    await expect(
      mounted(machines.server(false, { attachWaitMs: 20 }), 'data', 'a'),
    ).rejects.toThrow('which is stopping')
  })

  test.each([
    { preempt: true, state: 'running' },
    { preempt: true, state: 'stopped' },
    { preempt: 'fence', state: 'running' },
    { preempt: 'dead', state: 'stopped' },
  ] as const)(
    'leaves to a $state machine what another system manages, under $preempt: a root disk is no volume',
    async ({ preempt, state }) => {
      const managedBy = 'instance there as its root disk'
      machines.attachedThere({ managedBy })
      world.platform.machines.set('there', state)
      await expect(mounted(machines.server(preempt), 'data', 'a')).rejects.toThrow(
        `volume "data" is managed by ${managedBy} and attached to there: it is taken from nobody`,
      )
      await expect(world.manager('command').attach('data', { force: true })).rejects.toThrow(
        'is managed by',
      )
      for (const call of ['detachVolume', 'stopInstance'] as const)
        expect(world.platform.count(call)).toBe(0)
      expect(machines.holder()).toBe('there')
    },
  )

  test('leaves a volume alone that this machine and another have at once', async () => {
    const id = machines.attachedThere()
    const manager = machines.server(true)
    world.platform.shareWith(id, 'here')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow('at once')
    expect(world.platform.count('detachVolume')).toBe(0)
  })
})

describe('the own release of the holder', () => {
  test.each([false, true, 'dead', 'fence'] as const)(
    'comes first, under %s: nothing is asked of it',
    async (preempt) => {
      const { manager } = await machines.mountedThere()
      const mount = mounted(machines.server(preempt, { attachWaitMs: 5_000 }), 'data', 'a')
      await until(() => world.platform.count('instanceStatus') > 0)
      await manager.unmount({ name: 'data', holder: 'there' })
      await mount
      expect(machines.holder()).toBe('here')
      expect(
        world.platform.calls.filter(
          ({ call, instanceId }) => call === 'detachVolume' && instanceId === 'here',
        ),
      ).toEqual([])
      expect(world.platform.count('stopInstance')).toBe(0)
      expect(machines.causes('taken-over')).toEqual([])
    },
  )
})

describe('a machine that is gone', () => {
  test.each([false, true, 'dead', 'fence'] as const)(
    'loses the volume, under %s',
    async (preempt) => {
      machines.attachedThere()
      world.platform.machines.set('there', 'gone')
      await mounted(machines.server(preempt, { attachWaitMs: 20 }), 'data', 'a')
      expect(machines.holder()).toBe('here')
      expect(machines.causes('taken-over')).toEqual(['there was detached'])
    },
  )

  test('is left to the detach of the platform first', async () => {
    const id = machines.attachedThere()
    world.platform.machines.set('there', 'terminated')
    const mount = mounted(machines.server('dead', { attachWaitMs: 5_000 }), 'data', 'a')
    await until(() => world.platform.count('instanceStatus') > 0)
    world.platform.pull(id)
    await mount
    expect(world.platform.count('detachVolume')).toBe(0)
  })
})

describe('a machine that is stopped', () => {
  test.each([true, 'dead', 'fence'] as const)(
    'loses the volume at once, under %s',
    async (preempt) => {
      machines.attachedThere()
      world.platform.machines.set('there', 'stopped')
      await mounted(machines.server(preempt, { attachWaitMs: 60_000 }), 'data', 'a')
      expect(machines.holder()).toBe('here')
      expect(world.platform.count('stopInstance')).toBe(0)
    },
  )

  test.each([true, 'dead', 'fence'] as const)(
    'is waited for while it stops, under %s',
    async (preempt) => {
      machines.attachedThere()
      world.platform.machines.set('there', 'stopping')
      const mount = mounted(machines.server(preempt), 'data', 'a')
      await until(() => world.platform.count('instanceStatus') > 0)
      expect(world.platform.count('detachVolume')).toBe(0)
      world.platform.machines.set('there', 'stopped')
      await mount
      expect(machines.holder()).toBe('here')
    },
  )
})

describe('a machine that runs, under true', () => {
  test('is asked to let go, and the volume is its new owner’s as soon as it has', async () => {
    machines.attachedThere()
    await mounted(machines.server(true, { attachWaitMs: 20 }), 'data', 'a')
    expect(machines.holder()).toBe('here')
    expect(machines.causes('taken-over')).toEqual(['there was detached'])
    expect(world.warnings).toEqual([expect.stringContaining('was taken over')])
  })

  test('is forced when its grace is over, with a warning', async () => {
    await machines.mountedThere()
    await mounted(machines.server(true), 'data', 'a')
    expect(machines.holder()).toBe('here')
    expect(machines.causes('taken-over')).toEqual(['there was detached by force'])
    expect(world.warnings[0]).toBe(
      'volume data is taken from there by force: what it has not written yet is lost',
    )
    const event = world.events.find(({ kind }) => kind === 'taken-over')
    expect(event).toMatchObject({ instance: 'there', durationMs: expect.any(Number) })
  })

  test('is forced only after the grace since the request', async () => {
    const { id } = await machines.mountedThere()
    const mount = mounted(machines.server(true, { preemptGraceMs: 300 }), 'data', 'a')
    await until(() => world.ledger().get(id)?.takeOver?.isHeld === true)
    const requestedAt = Date.parse(world.ledger().get(id)?.takeOver?.detachRequestedAt ?? '')
    expect(machines.holder()).toBe('there')
    await mount
    expect(Date.now() - requestedAt).toBeGreaterThanOrEqual(300)
  })

  test('has its grace from when the platform has the request, be that long under way', async () => {
    const { id } = await machines.mountedThere()
    const arrives = world.platform.block('detachVolume')
    const mount = mounted(machines.server(true, { preemptGraceMs: 1_000 }), 'data', 'a')
    await until(() => world.platform.count('detachVolume') > 0)
    expect(world.ledger().get(id)?.takeOver).toMatchObject({ from: 'there' })
    expect(world.ledger().get(id)?.takeOver?.detachRequestedAt).toBeUndefined()
    const arrived = Date.now()
    arrives()
    await mount
    expect(Date.now() - arrived).toBeGreaterThanOrEqual(1_000)
  })

  test('is not forced while its attachment is only beginning', async () => {
    const { id } = await machines.mountedThere()
    world.platform.say(id, 'attaching')
    const mount = mounted(machines.server(true, { preemptGraceMs: 1 }), 'data', 'a')
    await until(() => world.platform.count('volume') > 2)
    expect(machines.holder()).toBe('there')
    world.platform.say(id, 'attached')
    await mount
    expect(machines.holder()).toBe('here')
  })

  test('gets its grace also where it was letting go before anybody asked', async () => {
    const { id } = await machines.mountedThere()
    world.platform.say(id, 'detaching')
    const mount = mounted(machines.server(true, { preemptGraceMs: 200 }), 'data', 'a')
    await until(() => world.ledger().get(id)?.takeOver?.detachRequestedAt !== undefined)
    expect(machines.holder()).toBe('there')
    await mount
    expect(machines.causes('taken-over')).toEqual(['there was detached by force'])
  })

  test('counts as running where the platform knows nothing of machines', async () => {
    await machines.mountedThere()
    world.tellsOfMachines = false
    world.platform.machines.set('there', 'stopped')
    await expect(mounted(machines.server('dead'), 'data', 'a')).rejects.toThrow('which runs')
    await mounted(machines.server(true), 'data', 'a')
    expect(machines.holder()).toBe('here')
  })

  test('leaves a file system that is checked before it is mounted here', async () => {
    await machines.mountedThere()
    await mounted(machines.server(true), 'data', 'a')
    expect(world.kernel.effects.map((effect) => effect.split(' ')[0])).toEqual(['check', 'mount'])
  })

  test('is another one when a third machine got the volume meanwhile: that one has its time too', async () => {
    const { id } = await machines.mountedThere()
    const mount = mounted(machines.server(true, { preemptGraceMs: 150 }), 'data', 'a')
    await until(() => world.ledger().get(id)?.takeOver?.isHeld === true)
    world.platform.pull(id)
    world.platform.attachByHand(id, 'third')
    world.kernel.heldByOthers.add(world.platform.volumes()[0]?.attachments[0]?.deviceName ?? '')
    await until(() => world.ledger().get(id)?.takeOver?.from === 'third')
    expect(machines.holder()).toBe('third')
    await mount
    expect(machines.causes('taken-over')).toEqual(['third was detached by force'])
  })
})
