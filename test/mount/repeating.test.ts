import { afterEach, beforeEach, expect, test } from 'vitest'
import { AbortedError, TimeoutError } from '../../src/libstorage/errors.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, quickSettings } from '../support/mount-world.ts'

const HELD = /^volume "data" is attached to there.* since .*detach it there/
const DEADLINE = new TimeoutError({
  subject: 'the operation',
  problem: 'took longer than its deadline',
})

let world: MountWorld
let caller: AbortController
let inPause: () => Promise<void>
beforeEach(() => {
  world = new MountWorld()
  caller = new AbortController()
  const { id } = world.platform.add({ name: 'data' })
  world.platform.attachByHand(id, 'there')
})
afterEach(() => world.end())

/** What a Mount that is repeated comes to. */
function repeated(retryCount: number, retryWaitMs: number): Promise<unknown> {
  const mount = { ...quickSettings.mount, retryCount, retryWaitMs }
  const manager = world.manager('server', { mount })
  inPause = async () => {
    await eventually(() => expect(failures()).toBeGreaterThan(0))
    // One operation at a time: this one is refused when the Mount has ended.
    await expect(manager.detach('data')).rejects.toThrow('is not attached here')
  }
  const { signal } = caller
  return manager.mount({ name: 'data', holder: 'a' }, { signal }).catch((error: unknown) => error)
}

const failures = () => world.events.filter(({ kind }) => kind === 'failed').length

test('a Mount whose deadline passes in the pause before a repeat says why it failed', async () => {
  const answer = repeated(3, 60_000)
  await inPause()
  caller.abort(DEADLINE)
  expect(await answer).toMatchObject({
    code: 'ERR_FAILED_PRECONDITION',
    message: expect.stringMatching(HELD),
  })
})

test('a Mount whose caller goes away in the pause is aborted', async () => {
  const answer = repeated(3, 60_000)
  await inPause()
  caller.abort()
  expect(await answer).toBeInstanceOf(AbortedError)
})

test('a Mount whose deadline passes in a repeat says why the one before failed, too', async () => {
  const answer = repeated(100_000, 1)
  await eventually(() => expect(failures()).toBeGreaterThan(1))
  const release = world.platform.block('volumes')
  const before = world.platform.count('volumes')
  await eventually(() => expect(world.platform.count('volumes')).toBeGreaterThan(before))
  caller.abort(DEADLINE)
  const error = await answer
  release()
  expect(error).toMatchObject({ message: expect.stringContaining('is attached to there') })
  expect(error).toMatchObject({ message: expect.stringContaining('detach it there') })
})
