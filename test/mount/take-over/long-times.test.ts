import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { type MountWorld, mounted } from '../../support/mount-world.ts'
import { timePasses } from '../../support/passing-time.ts'
import { TwoMachines } from '../../support/two-machines.ts'

const MINUTE = 60_000

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  machines = new TwoMachines()
  world = machines.here
})
afterEach(async () => {
  vi.useRealTimers()
  await machines.end()
})

/** Waits for what happens without any time passing. */
async function happens(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn()
}

/** Lets time pass at once, and what waited for it go on until it waits again. */
async function passes(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms)
  for (let turn = 0; turn < 5; turn++) await nextTurn()
}

describe('a machine that takes minutes to stop', () => {
  async function stopping(): Promise<{ readonly mount: Promise<string> }> {
    await machines.mountedThere()
    const mount = mounted(machines.server('fence'), 'data', 'a')
    mount.catch(() => {})
    await happens(() => world.platform.machines.status('there')?.state === 'stopping')
    return { mount }
  }

  test('is waited for up to ten minutes', async () => {
    const { mount } = await stopping()
    await passes(9 * MINUTE)
    await machines.unmountThere()
    world.platform.machines.set('there', 'stopped')
    await passes(1_000)
    await happens(() => world.isMounted('data'))
    await mount
    expect(machines.holder()).toBe('here')
  })

  test('is not waited for longer, and the error says what it does', async () => {
    const { mount } = await stopping()
    let outcome: unknown
    mount.catch((error: unknown) => {
      outcome = error
    })
    await passes(9 * MINUTE)
    expect(outcome).toBeUndefined()
    await passes(2 * MINUTE)
    await happens(() => outcome !== undefined)
    await expect(mount).rejects.toThrow(/^volume "data": there is still stopping/)
    expect(machines.holder()).toBe('there')
  })
})

describe('a device that was taken away is noticed within 10 s', () => {
  beforeEach(() => {
    world.watchMs = undefined
  })

  test.each(['there', undefined])(
    'where the platform says of its volume: %s has it',
    async (to) => {
      const manager = machines.startedServer(true)
      await manager.create('data', {})
      await mounted(manager, 'data', 'a')
      const id = world.platform.volumes()[0]?.id ?? ''
      world.platform.pull(id)
      if (to !== undefined) world.platform.attachByHand(id, to)
      for (let second = 0; second < 10; second++) await timePasses(world, 1_000)
      vi.useRealTimers()
      await eventually(() => expect(world.ledger().all()[0]?.lost).toBeDefined())
      expect(world.ledger().all()[0]?.lost?.to).toBe(to)
    },
  )
})
