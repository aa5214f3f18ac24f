import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TimeoutError } from '../../src/libstorage/errors.ts'
import type { FileSystemUsage } from '../../src/mount/integration-driver.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { gate } from '../support/gate.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

const EARLIER = { usedBytes: 1, freeBytes: 9 }
const LATER = { usedBytes: 5, freeBytes: 5 }
/** After so many milliseconds a look starts another measurement. */
const AGE_MS = 10_000

let world: MountWorld
let manager: MountManager
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  world = new MountWorld()
  manager = world.manager()
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
})
afterEach(async () => {
  vi.useRealTimers()
  await world.end()
})

const shown = async () => (await manager.get('data')).mount?.usage

/** How often the disk was asked since its usage was made this. */
function usageBecomes(measure: () => Promise<FileSystemUsage>): () => number {
  const measured = vi.fn(measure)
  world.kernel.usage = measured
  return () => measured.mock.calls.length
}

async function measuredBefore(): Promise<void> {
  usageBecomes(async () => EARLIER)
  await eventually(async () => expect(await shown()).toEqual(EARLIER))
}

test('the usage of a volume is measured when somebody looks, and shown from then on', async () => {
  const asked = usageBecomes(async () => EARLIER)
  expect(await shown()).toBeUndefined()
  await eventually(async () => expect(await shown()).toEqual(EARLIER))
  await Promise.all([shown(), shown(), manager.list()])
  expect(asked()).toBe(1)
})

test('while its disk hangs, Get shows the last usage known, and asks the disk no second time', async () => {
  await measuredBefore()
  const hanging = gate()
  const asked = usageBecomes(async () => {
    await hanging.promise
    return LATER
  })
  vi.advanceTimersByTime(AGE_MS + 1)
  expect([await shown(), await shown()]).toEqual([EARLIER, EARLIER])
  vi.advanceTimersByTime(AGE_MS + 1)
  expect(await shown()).toEqual(EARLIER)
  const [inList] = await manager.list()
  expect(inList?.mount?.usage).toEqual(EARLIER)
  expect(asked()).toBe(1)
  hanging.resolve()
  await eventually(async () => expect(await shown()).toEqual(LATER))
})

test('where it cannot be measured, the last usage known stays, and is measured again later', async () => {
  await measuredBefore()
  const failing = usageBecomes(async () => {
    throw new TimeoutError({ subject: 'the disk', problem: 'does not answer' })
  })
  vi.advanceTimersByTime(AGE_MS + 1)
  expect(await shown()).toEqual(EARLIER)
  await new Promise(setImmediate)
  expect(await shown()).toEqual(EARLIER)
  expect(failing()).toBe(1)
  usageBecomes(async () => LATER)
  vi.advanceTimersByTime(AGE_MS + 1)
  await eventually(async () => expect(await shown()).toEqual(LATER))
})

test('a volume that is not mounted here shows no usage, however lately it was measured', async () => {
  await measuredBefore()
  await manager.unmount({ name: 'data', holder: 'a' })
  expect(await manager.get('data')).not.toHaveProperty('mount')
})
