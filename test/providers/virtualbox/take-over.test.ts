import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import type { PreemptPolicy } from '../../../src/mount/settings.ts'
import { ApiError, type SimMedium } from '../../support/virtualbox/model.ts'
import { virtualboxMountManager } from '../../support/virtualbox-mount-world.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let manager: MountManager | undefined
let medium: SimMedium
beforeEach(async () => {
  world = new VirtualboxWorld()
  const { driver } = await world.provider(world.there)
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  await driver.attachVolume(id, world.there.machine.id)
  medium = world.medium(id)
})
afterEach(async () => {
  await manager?.close()
  await world.close()
  manager = undefined
})

async function mountHere(preempt: PreemptPolicy): Promise<string> {
  manager = await virtualboxMountManager(world, world.here, preempt)
  manager.start()
  const mounted = await manager.mount({ name: 'data', holder: 'one' })
  mounted.delivered()
  return mounted.mountpoint
}

const holders = () => [...medium.machineIds]
const here = () => world.here.machine.id
const there = () => world.there.machine.id

describe('a volume that another machine has', () => {
  test.each([false, 'dead'] as const)(
    'is refused under %s while that machine runs',
    async (preempt) => {
      await expect(mountHere(preempt)).rejects.toThrow(there())
      expect(holders()).toEqual([there()])
      expect(world.there.machine.state).toBe('Running')
    },
  )

  test.each([true, 'dead', 'fence'] as const)(
    'is taken under %s from a machine that is off',
    async (preempt) => {
      world.host.power(world.there.machine, 'PoweredOff')
      expect(await mountHere(preempt)).toBe('/mnt/data/data')
      expect(holders()).toEqual([here()])
      expect(world.there.machine.saved.map((slot) => slot.medium)).not.toContain(medium)
    },
  )

  test('is taken under true from a machine that runs, which runs on', async () => {
    await mountHere(true)
    expect(holders()).toEqual([here()])
    expect(world.there.machine.state).toBe('Running')
  })

  test.each(['Running', 'Paused'])(
    'is taken under fence after that machine was powered down (%s)',
    async (state) => {
      world.host.power(world.there.machine, state)
      await mountHere('fence')
      expect(world.there.machine.state).toBe('PoweredOff')
      expect(holders()).toEqual([here()])
    },
  )

  test('stays where the machine cannot be powered down', async () => {
    world.there.machine.isUnstoppable = true
    await expect(mountHere('fence')).rejects.toThrow('The VM does not answer')
    expect(holders()).toEqual([there()])
  })

  test.each([
    ['Saved', true],
    ['Saved', 'fence'],
    ['AbortedSaved', 'fence'],
  ] as const)(
    'stays with a machine that is %s, whose memory has what is not written yet, under %s',
    async (state, preempt) => {
      world.host.power(world.there.machine, state)
      await expect(mountHere(preempt)).rejects.toThrow(/state is (?:Aborted)?Saved/)
      expect(holders()).toEqual([there()])
    },
  )

  test('is taken from all where several that are off have it', async () => {
    const third = world.place('third')
    for (const { machine } of [world.there, third]) world.host.power(machine, 'PoweredOff')
    const slot = { controller: 'SATA', port: 7, device: 0, type: 'HardDisk' as const }
    third.machine.saved.push({ ...slot, medium, hotPluggable: true, isNew: false })
    third.machine.slots = [...third.machine.saved]
    medium.machineIds.add(third.machine.id)
    await mountHere(true)
    expect(holders()).toEqual([here()])
    third.guest.close()
  })
})

describe('a machine of the host', () => {
  test('is seen in its state, with the time of its last change', async () => {
    const { driver } = await world.provider()
    const { machine } = world.there
    const states = [
      ['Running', 'running'],
      ['Paused', 'running'],
      ['Stuck', 'running'],
      ['a state of tomorrow', 'running'],
      ['Starting', 'pending'],
      ['Saving', 'stopping'],
      ['Aborted', 'stopped'],
      ['PoweredOff', 'stopped'],
    ] as const
    for (const [state, said] of states) {
      world.host.power(machine, state)
      const since = new Date(machine.stateSince)
      expect(await driver.instances?.status(machine.id)).toEqual({
        id: machine.id,
        state: said,
        since,
      })
    }
    expect(await driver.instances?.status('nobody')).toBeUndefined()
  })

  test.each(['Running', 'Paused', 'Stuck'])('that is %s is powered down', async (state) => {
    const { driver } = await world.provider()
    world.host.power(world.there.machine, state)
    await driver.instances?.stop(there())
    expect(world.there.machine).toMatchObject({ state: 'PoweredOff', owner: undefined })
  })

  test.each(['Stopping', 'Saving'])('that is %s already goes on with that', async (state) => {
    const { driver } = await world.provider()
    world.host.power(world.there.machine, state)
    await driver.instances?.stop(there())
    expect(world.there.machine.state).toBe(state)
    expect(world.there.machine.sharers.size).toBe(0)
  })

  test('that only starts is not powered down, and the error says so', async () => {
    const { driver } = await world.provider()
    world.host.power(world.there.machine, 'Starting')
    await expect(driver.instances?.stop(there())).rejects.toThrow(/Invalid machine state: Starting/)
    expect(world.there.machine.sharers.size).toBe(0)
  })

  test('that ends by itself in the meantime is stopped', async () => {
    const { driver } = await world.provider()
    world.service.failNext('IConsole_powerDown', () => {
      world.host.power(world.there.machine, 'PoweredOff')
      return new ApiError(0x80bb0002, 'Invalid machine state: PoweredOff')
    })
    await driver.instances?.stop(there())
    expect(world.there.machine.owner).toBeUndefined()
  })

  test('that is off already is stopped', async () => {
    const { driver } = await world.provider()
    world.host.power(world.there.machine, 'PoweredOff')
    await driver.instances?.stop(there())
    expect(world.there.machine.owner).toBeUndefined()
  })
})
