import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ResourceExhaustedError, TimeoutError } from '../../src/libstorage/errors.ts'
import { type HeldLock, ProcessLocks } from '../../src/mount/locks.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
import { timePasses } from '../support/passing-time.ts'

let world: MountWorld
let held: HeldLock | undefined
beforeEach(() => {
  world = new MountWorld()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await held?.release()
  held = undefined
  await world.end()
})

const references = () => world.ledger().all()[0]?.references ?? []
const holders = () => references().map(({ id, count }) => `${id} ${count}`)
const pass = (ms: number) => timePasses(world, ms)
/** Lets time pass until it holds. */
const later = (holds: () => void) =>
  eventually(async () => {
    await pass(1_000)
    holds()
  })
const allDelivered = () =>
  later(() => expect(references().every(({ undelivered }) => undelivered === 0)).toBe(true))
const full = () =>
  new ResourceExhaustedError({ subject: 'ledger /ledger', problem: 'cannot be written' })

/** An Unmount that finds the disk of the ledger full. */
async function unmountRefused(manager: MountManager, holder: string): Promise<void> {
  world.failingWrites.push(full())
  await expect(manager.unmount({ name: 'data', holder })).rejects.toThrow('cannot be written')
}

/** Lets time pass while another process holds a lock, so that nothing comes to its end. */
async function passLocked(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    vi.advanceTimersByTime(500)
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** As a copy by another process does, or a command that was stopped. */
async function lockElsewhere(): Promise<void> {
  const id = world.platform.volumes()[0]?.id
  const locks = new ProcessLocks(`${world.folder}/locks`)
  held = await eventually(async () => {
    const taken = await locks.tryAcquire(`memory-${id}`, 'copies it')
    if ('owner' in taken) throw new Error('the volume is not left alone yet')
    return taken
  })
}

async function unlockElsewhere(): Promise<void> {
  await held?.release()
  held = undefined
}

/** Lets time pass until the manager has closed; fails where that takes a minute. */
async function closed(manager: MountManager): Promise<void> {
  let isClosed = false
  const closing = manager.close().then(() => {
    isClosed = true
  })
  for (let passed = 0; !isClosed && passed < 60_000; passed += 500) await passLocked(500)
  expect(isClosed).toBe(true)
  await closing
}

async function mountedBy(...names: readonly string[]): Promise<MountManager> {
  const manager = world.manager()
  await manager.create('data', {})
  manager.start()
  for (const name of names) await mounted(manager, 'data', name)
  await allDelivered()
  return manager
}

/** An Unmount as Docker sends it, once, while another process has the volume for longer than anybody waits. */
async function unmountInVain(manager: MountManager, holder: string): Promise<void> {
  await lockElsewhere()
  const patience = new AbortController()
  const unmounting = manager.unmount({ name: 'data', holder }, { signal: patience.signal })
  const answered = expect(unmounting).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await passLocked(55_000)
  patience.abort(new TimeoutError({ subject: 'the call', problem: 'took too long' }))
  await answered
  await passLocked(60_000)
}

describe('an Unmount that fails', () => {
  test('since another process has the volume is done when that lets it go', async () => {
    await unmountInVain(await mountedBy('a'), 'a')
    expect(holders()).toEqual(['a 1'])
    await unlockElsewhere()
    await later(() => expect(world.platform.volumes()[0]?.attachments).toEqual([]))
    expect(references()).toEqual([])
    expect(world.isMounted('data')).toBe(false)
  })

  test('is told of once, with its cause, and once more when it is done', async () => {
    await unmountInVain(await mountedBy('a'), 'a')
    await passLocked(60_000)
    await unlockElsewhere()
    await later(() => expect(references()).toEqual([]))
    expect(world.warnings).toEqual([
      expect.stringMatching(
        /^the Unmount by mount id a of volume "data" failed, and is tried again until it is done: lock .* is held by process \d+, which copies it/,
      ),
      'the Unmount by mount id a of volume "data", which had failed, is done',
    ])
  })

  test('since the disk of the ledger is full is done when there is room', async () => {
    const manager = await mountedBy('a')
    world.failingWrites.push(full(), full())
    const unmounting = manager.unmount({ name: 'data', holder: 'a' })
    await expect(unmounting).rejects.toMatchObject({ code: 'ERR_RESOURCE_EXHAUSTED' })
    await later(() => expect(world.isMounted('data')).toBe(false))
    expect(references()).toEqual([])
  })

  test('takes nothing from the same holder that mounts again before it is done', async () => {
    const manager = await mountedBy('a')
    await unmountRefused(manager, 'a')
    await mounted(manager, 'data', 'a')
    await pass(60_000)
    expect(holders()).toEqual(['a 1'])
    expect(world.isMounted('data')).toBe(true)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(references()).toEqual([])
  })

  test('is done by the Mount of anybody else, which leaves the volume where it is', async () => {
    const manager = await mountedBy('a')
    await unmountRefused(manager, 'a')
    await mounted(manager, 'data', 'b')
    expect(holders()).toEqual(['b 1'])
    await pass(60_000)
    expect(holders()).toEqual(['b 1'])
    expect(world.kernel.mounts()).toHaveLength(1)
    expect(world.warnings).toContain(
      'the Unmount by mount id a of volume "data", which had failed, is done',
    )
  })

  test('drops as many references of a holder as it has left, and none of others', async () => {
    const manager = await mountedBy('a', 'a', 'a', 'b')
    for (const _ of [1, 2]) await unmountRefused(manager, 'a')
    await later(() => expect(holders()).toEqual(['a 1', 'b 1']))
    await pass(60_000)
    expect(holders()).toEqual(['a 1', 'b 1'])
  })

  test('with ignoreUsedCount takes nothing from whoever mounts before it is done', async () => {
    const manager = world.manager('server', {
      unmount: { ...quickSettings.unmount, ignoreUsedCount: true },
    })
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await allDelivered()
    await unmountRefused(manager, 'a')
    await mounted(manager, 'data', 'b')
    await pass(60_000)
    expect(holders()).toEqual(['b 1'])
    expect(world.isMounted('data')).toBe(true)
  })

  test('is not done later for a command, which says so', async () => {
    const command = world.manager('command')
    await command.create('data', {})
    await mounted(command, 'data', 'cli')
    await allDelivered()
    await unmountRefused(command, 'cli')
    await pass(60_000)
    expect(world.warnings).toEqual([])
  })
})

describe('a server that ends while an Unmount is not done', () => {
  test('tries it a last time', async () => {
    const manager = await mountedBy('a')
    await unmountRefused(manager, 'a')
    await manager.close()
    expect(references()).toEqual([])
    expect(world.isMounted('data')).toBe(false)
  })

  test('waits no longer for who has the volume, and says what is left to do', async () => {
    const manager = await mountedBy('a')
    await unmountInVain(manager, 'a')
    await closed(manager)
    expect(holders()).toEqual(['a 1'])
    expect(world.warnings.at(-1)).toBe(
      'the Unmount by mount id a of volume "data" is not done at the end, unmount it by hand: `volume unmount data`',
    )
  })

  test('does not wait for an Unmount whose turn has not come', async () => {
    const manager = await mountedBy('a', 'b')
    await lockElsewhere()
    const unmounting = ['a', 'b'].map((holder) => manager.unmount({ name: 'data', holder }))
    const answers = Promise.allSettled(unmounting)
    await passLocked(1_000)
    await closed(manager)
    expect(await answers).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
    await unlockElsewhere()
    await pass(60_000)
    expect(holders()).toEqual(['a 1', 'b 1'])
  })

  test('does not wait for what it does behind a Mount that hangs, which nothing follows', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    let goOn: (() => void) | undefined
    world.kernel.before = async (effect) => {
      if (!effect.startsWith('mount')) return
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    }
    const mounting = manager.mount({ name: 'data', holder: 'a' })
    await eventually(() => expect(goOn).toBeDefined())
    const answer = manager.unmount({ name: 'data', holder: 'a' }).catch(String)
    await closed(manager)
    goOn?.()
    await mounting
    expect(await answer).toContain('was given up at the end')
    expect(holders()).toEqual(['a 1'])
  })
})

describe('where the ledger cannot be written for a moment', () => {
  test('that a reply was delivered is recorded later', async () => {
    const manager = await mountedBy()
    const { delivered } = await manager.mount({ name: 'data', holder: 'a' })
    world.failingWrites.push(full())
    delivered()
    await eventually(() => expect(world.failingWrites).toEqual([]))
    expect(references()).toMatchObject([{ id: 'a', undelivered: 1 }])
    await later(() => expect(references()).toMatchObject([{ id: 'a', undelivered: 0 }]))
  })

  test('a reference that nobody learned of is taken back later', async () => {
    const manager = await mountedBy()
    const { undelivered } = await manager.mount({ name: 'data', holder: 'a' })
    world.failingWrites.push(full())
    undelivered()
    await eventually(() => expect(world.failingWrites).toEqual([]))
    expect(holders()).toEqual(['a 1'])
    await later(() => expect(references()).toEqual([]))
    await pass(60_000)
    await later(() => expect(world.isMounted('data')).toBe(false))
  })
})

describe('the comparison of a volume in use at a start', () => {
  test('is made when another process lets the volume go, however late', async () => {
    const before = await mountedBy('a')
    await before.close()
    await world.kernel.unmount('/mnt/data')
    await lockElsewhere()
    world.manager().start()
    await passLocked(120_000)
    await unlockElsewhere()
    expect(world.isMounted('data')).toBe(false)
    await later(() => expect(world.isMounted('data')).toBe(true))
  })
})
