import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TimeoutError, UnavailableError } from '../../../src/libstorage/errors.ts'

import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { TwoMachines, until } from '../../support/two-machines.ts'

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

describe('a machine that runs, under fence', () => {
  test('is stopped, and then loses the volume', async () => {
    await machines.mountedThere()
    const mount = mounted(machines.server('fence'), 'data', 'a')
    await until(() => world.platform.count('stopInstance') > 0)
    expect(machines.holder()).toBe('there')
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await mount
    expect(machines.holder()).toBe('here')
    expect(machines.causes('taken-over')).toEqual(['there was stopped and was detached'])
  })

  test('is never taken from by force where the platform refuses to stop it', async () => {
    const { id } = await machines.mountedThere()
    world.platform.machines.unstoppable.add('there')
    await expect(mounted(machines.server('fence'), 'data', 'a')).rejects.toThrow(
      'the platform refuses to stop that: instance there cannot be stopped, detach it there',
    )
    expect(machines.holder()).toBe('there')
    expect(world.ledger().get(id)).toBeUndefined()
  })

  test('is waited for where the reply to the stop was lost, and asked again where it still runs', async () => {
    await machines.mountedThere()
    const isOut = new UnavailableError({ subject: 'platform', problem: 'is out' })
    world.platform.failNext('stopInstance', isOut)
    const mount = mounted(machines.server('fence'), 'data', 'a')
    await until(() => world.platform.count('stopInstance') > 1)
    expect(world.platform.machines.status('there')?.state).toBe('stopping')
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await mount
    expect(machines.holder()).toBe('here')
  })

  test('is not asked again where it is stopping, though the reply to that was lost', async () => {
    await machines.mountedThere()
    const answer = world.platform.block('stopInstance')
    world.platform.failNext('stopInstance', new TimeoutError({ subject: 'x', problem: 'is slow' }))
    const mount = mounted(machines.server('fence'), 'data', 'a')
    await until(() => world.platform.count('stopInstance') > 0)
    world.platform.machines.set('there', 'stopping')
    answer()
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await mount
    expect(world.platform.count('stopInstance')).toBe(1)
  })

  test('is stopped also where its attachment was ending already', async () => {
    const { id } = await machines.mountedThere()
    world.platform.say(id, 'detaching')
    const mount = mounted(machines.server('fence', { attachWaitMs: 20 }), 'data', 'a')
    await until(() => world.platform.count('stopInstance') > 0)
    world.platform.pull(id)
    await mount
  })

  test('is still stopping for a caller whose time is up; the work goes on and the repeat joins it', async () => {
    await machines.mountedThere()
    const manager = machines.server('fence')
    const caller = new AbortController()
    const first = manager.mount({ name: 'data', holder: 'a' }, { signal: caller.signal })
    await until(() => world.platform.machines.status('there')?.state === 'stopping')
    const deadline = new Error('too late')
    deadline.name = 'TimeoutError'
    caller.abort(deadline)
    await expect(first).rejects.toThrow(
      /^volume "data": there is still stopping \(\d+ s so far\), try again$/,
    )
    const repeat = mounted(manager, 'data', 'a')
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await repeat
    expect(world.platform.count('stopInstance')).toBe(1)
    expect(machines.holder()).toBe('here')
  })
})

test('a platform that stops no machines says so at once, and nothing is taken by force', async () => {
  await machines.mountedThere()
  world.tellsOfMachines = false
  await expect(mounted(machines.server('fence'), 'data', 'a')).rejects.toThrow(
    'this platform stops no machines, detach it there',
  )
  expect(machines.holder()).toBe('there')
})

test('the end of this process ends the wait for a machine that stops', async () => {
  await machines.mountedThere()
  const manager = machines.server('fence')
  const mount = mounted(manager, 'data', 'a')
  const outcome = expect(mount).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  await until(() => machines.platform.machines.status('there')?.state === 'stopping')
  await manager.close()
  await outcome
})
