import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { mayTake, TwoMachines, until } from '../../support/two-machines.ts'

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

describe('a machine that lost a volume', () => {
  /** Puts the times of the loss back, as if so many minutes had passed. */
  async function minutesLater(id: string, minutes: number): Promise<void> {
    const record = world.ledger().get(id)
    if (record?.lost === undefined) throw new Error('nothing was lost')
    const back = (time: string) => new Date(Date.parse(time) - minutes * 60_000).toISOString()
    const { at, refusedAt, to } = record.lost
    const lost = {
      at: back(at),
      to,
      refusedAt: refusedAt === undefined ? undefined : back(refusedAt),
    }
    await world.ledger().put({ ...record, lost })
  }

  async function lostHere(): Promise<{ id: string; manager: MountManager }> {
    const manager = machines.startedServer(true)
    const id = await machines.takenFrom(manager)
    await until(() => world.ledger().get(id)?.lost !== undefined)
    return { id, manager }
  }

  test('does not take it back from a machine that runs, and says why and the ways out', async () => {
    const { id, manager } = await lostHere()
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow(
      /^volume "data" was lost by this machine at .* and is attached to there since .* \(which runs\): it is not taken back until 5 minutes have passed without a try, detach it there, or take it back with volume attach --force$/,
    )
    expect(machines.holder()).toBe('there')
    expect(world.ledger().get(id)?.lost?.refusedAt).toBeDefined()
  })

  test('does not fence the machine that has it either', async () => {
    await lostHere()
    await expect(mounted(machines.server('fence'), 'data', 'c')).rejects.toThrow(
      'it is not taken back',
    )
    expect(machines.platform.count('stopInstance')).toBe(0)
  })

  test('does not forget that by an attach whose device never came', async () => {
    const { id, manager } = await lostHere()
    machines.platform.pull(id)
    machines.platform.attachesSlowly = true
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('did not appear within')
    machines.platform.attachesSlowly = false
    machines.platform.pull(id)
    machines.platform.attachByHand(id, 'there')
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    expect(machines.holder()).toBe('there')
  })

  test('takes it back after five minutes without a try', async () => {
    const { id, manager } = await lostHere()
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    await minutesLater(id, 5)
    await mounted(manager, 'data', 'c')
    expect(machines.holder()).toBe('here')
    expect(world.ledger().get(id)?.lost).toBeUndefined()
  })

  test('waits another five minutes after each try', async () => {
    const { id, manager } = await lostHere()
    await minutesLater(id, 4)
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    await minutesLater(id, 4)
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    expect(machines.holder()).toBe('there')
  })

  test('does not take it back where its last container ended before the loss was noticed', async () => {
    const manager = machines.server(true)
    const id = await machines.takenFrom(manager)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.ledger().get(id)?.lost).toBeDefined()
    expect(world.isMounted('data')).toBe(false)
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    expect(machines.holder()).toBe('there')
  })

  test('does not take it back where it had no reference any more, and somebody still used it', async () => {
    const manager = machines.server(true)
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    world.kernel.heldByOthers.add(world.kernel.mounts()[0]?.source ?? '')
    await manager.unmount({ name: 'data', holder: 'a' })
    await mounted(
      machines.there.manager('server', mayTake(true, { preemptGraceMs: 1 })),
      'data',
      'b',
    )
    await until(() => world.ledger().all()[0]?.lost !== undefined)
    await expect(mounted(manager, 'data', 'c')).rejects.toThrow('it is not taken back')
    expect(machines.holder()).toBe('there')
  })

  test('does not forget that over a reboot', async () => {
    const { id, manager } = await lostHere()
    await manager.close()
    const record = world.ledger().get(id)
    if (record === undefined) throw new Error('nothing was lost')
    await world.ledger().put({ ...record, bootId: 'earlier' })
    const next = machines.startedServer(true)
    await expect(mounted(next, 'data', 'c')).rejects.toThrow('it is not taken back')
  })

  test('forgets it when the volume is removed', async () => {
    const { id, manager } = await lostHere()
    await manager.unmount({ name: 'data', holder: 'a' })
    await machines.unmountThere()
    machines.platform.pull(id)
    await manager.remove('data')
    expect(world.ledger().all()).toEqual([])
  })

  test('forgets it when the volume is found to be gone', async () => {
    const { id, manager } = await lostHere()
    await manager.unmount({ name: 'data', holder: 'a' })
    await manager.close()
    await machines.unmountThere()
    machines.platform.pull(id)
    await machines.there.manager().remove('data')
    machines.startedServer(true)
    await until(() => world.ledger().get(id) === undefined)
  })

  test('takes it back at once when the other machine is stopped', async () => {
    const { manager } = await lostHere()
    await machines.unmountThere()
    machines.platform.machines.set('there', 'stopped')
    await mounted(manager, 'data', 'c')
    expect(machines.holder()).toBe('here')
  })

  test('takes it at once when the other machine has let it go', async () => {
    const { id, manager } = await lostHere()
    machines.platform.pull(id)
    await mounted(manager, 'data', 'c')
    expect(machines.holder()).toBe('here')
  })

  test('takes it back at once when somebody forces that', async () => {
    const { manager } = await lostHere()
    await manager.mount({ name: 'data', holder: 'cli' }, { force: true })
    expect(machines.holder()).toBe('here')
  })

  test('remembers the loss over a restart, and forgets it a quarter of an hour after nobody cares any more', async () => {
    const { id, manager } = await lostHere()
    await manager.unmount({ name: 'data', holder: 'a' })
    await manager.close()
    const next = machines.server(true)
    await expect(mounted(next, 'data', 'c')).rejects.toThrow('it is not taken back')
    await minutesLater(id, 16)
    next.start()
    await until(() => world.ledger().get(id) === undefined)
  })
})
