import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isStorageError } from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { timeLimit } from '../../../src/libstorage/wait.ts'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

/** How long EC2 throttles, and how long a server's callers wait: for Create and Mount, and for all else. */
const MINUTE_MS = 60_000
const LONG_MS = 110_000
const SHORT_MS = 55_000
const STEP_MS = 100
/** What a request and its answer need of the real time. */
const TURN_MS = 2

const SAID = /^volume "data" .*EC2 answers RequestLimitExceeded.*, try again$/

const realSetTimeout = globalThis.setTimeout

let world: EbsWorld
let elsewhere: StorageDriver
let manager: MountManager
beforeEach(async () => {
  world = await EbsWorld.open()
  elsewhere = (await world.provider(world.there)).driver
  manager = await ebsMountManager(world)
  manager.start()
  await manager.list()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await manager.close()
  await world.close()
})

/** Lets time pass until it is so, far faster than it does; resolves with how much, in milliseconds. */
async function pass(isSo: () => boolean, mostMs: number): Promise<number> {
  let passed = 0
  for (; !isSo() && passed < mostMs; passed += STEP_MS) {
    await vi.advanceTimersByTimeAsync(STEP_MS)
    await new Promise((resolve) => realSetTimeout(resolve, TURN_MS))
  }
  return passed
}

interface Outcome {
  readonly error?: unknown
  readonly ms: number
}

/** The outcome of work that begins when EC2 starts to throttle, which lasts a minute. */
async function throughAMinute(work: () => Promise<unknown>): Promise<Outcome> {
  const end = world.simulator.faults.always('*', { kind: 'throttle' })
  let outcome: { error?: unknown } | undefined
  work().then(
    () => (outcome = {}),
    (error: unknown) => (outcome = { error }),
  )
  const before = await pass(() => outcome !== undefined, MINUTE_MS)
  if (outcome === undefined) end()
  const after = await pass(() => outcome !== undefined, 2 * LONG_MS)
  await pass(() => false, Math.max(0, MINUTE_MS - before))
  end()
  return { ...outcome, ms: before + after }
}

/** Work by itself, as fast as it can. */
async function done<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  let isOver = false
  const watched = work.finally(() => {
    isOver = true
  })
  watched.catch(() => {})
  const ms = await pass(() => isOver, LONG_MS)
  return { result: await watched, ms }
}

const within = (ms: number) => ({ signal: timeLimit(ms) })
const create = () => manager.create('data', { size: '1' }, within(LONG_MS))
const mount = async () =>
  (await manager.mount({ name: 'data', holder: 'one' }, within(LONG_MS))).delivered()

test.each([0, 3])(
  'a request is not given up because of throttling after %i repeats',
  async (maxRetries) => {
    const { driver } = await world.provider(world.here, { maxRetries })
    const { error } = await throughAMinute(() => driver.createVolume(ebsSpec('data')))
    expect(error).toBeUndefined()
    expect(world.simulator.named('data')).toHaveLength(1)
  },
)

describe('a minute in which EC2 throttles', () => {
  test('is outlasted by a Create, with a request every few seconds', async () => {
    world.simulator.takeCounts()
    const { error, ms } = await throughAMinute(create)
    expect(error).toBeUndefined()
    expect(ms).toBeLessThan(LONG_MS)
    expect(world.simulator.named('data')).toHaveLength(1)
    expect(world.simulator.calls.length).toBeLessThan(60)
  })

  test('is outlasted by a Mount', async () => {
    await done(elsewhere.createVolume(ebsSpec('data')))
    const { error, ms } = await throughAMinute(mount)
    expect(error).toBeUndefined()
    expect(ms).toBeLessThan(LONG_MS)
  })

  test('is said to a Get before its caller is gone, and the repeat is answered', async () => {
    await done(elsewhere.createVolume(ebsSpec('data')))
    const { error, ms } = await throughAMinute(() => manager.get('data', within(SHORT_MS)))
    expect(isStorageError(error)).toBe(true)
    expect(error).toHaveProperty(
      'message',
      'volume "data" could not be looked up in time (EC2 answers RequestLimitExceeded), try again',
    )
    expect(ms).toBeLessThanOrEqual(SHORT_MS + STEP_MS)
    expect((await done(manager.get('data', within(SHORT_MS)))).result.volume.name).toBe('data')
  })

  test('is said to callers of Create and Mount who wait less, and the repeats succeed', async () => {
    const hasty = within(SHORT_MS)
    const { error } = await throughAMinute(() => manager.create('data', { size: '1' }, hasty))
    expect(error).toHaveProperty('message', expect.stringMatching(SAID))
    await done(create())
    await manager.close()
    manager = await ebsMountManager(world)
    const { error: refusal } = await throughAMinute(() =>
      manager.mount({ name: 'data', holder: 'one' }, within(SHORT_MS)),
    )
    expect(refusal).toHaveProperty('message', expect.stringMatching(SAID))
    await done(mount())
    expect(world.simulator.named('data')).toMatchObject([{ attachments: [{}] }])
  })
})
