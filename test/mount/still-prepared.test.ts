import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TimeoutError } from '../../src/libstorage/errors.ts'
import { identifyProcess } from '../../src/libstorage/process-identity.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { gate } from '../support/gate.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
const ends: (() => unknown)[] = []
beforeEach(() => {
  world = new MountWorld()
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  vi.useRealTimers()
  await world.end()
})

const pass = (seconds: number) => void vi.setSystemTime(Date.now() + seconds * 1_000)

/** A Mount whose caller waits no longer than until so many seconds have passed. */
async function impatient(manager: MountManager, seconds: number): Promise<unknown> {
  const caller = new AbortController()
  const mounting = manager.mount({ name: 'data', holder: 'a' }, { signal: caller.signal })
  mounting.catch(() => {})
  await eventually(() => expect(world.ledger().all()[0]?.tool).toBeDefined())
  // By then the look-up of a platform in memory has ended too.
  await new Promise(setImmediate)
  pass(seconds)
  caller.abort(new TimeoutError({ subject: 'the operation', problem: 'took too long' }))
  return await mounting.catch((error: unknown) => error)
}

const prepared = (what: string) =>
  expect.objectContaining({
    code: 'ERR_UNAVAILABLE',
    message: `volume "data" is still being prepared (${what} so far), try again`,
  })

test('a Mount that a mkfs outlasts says what it waits for and for how long, and the repeat finds it done', async () => {
  const { promise: written, resolve: finish } = gate()
  world.kernel.before = async (effect) => {
    if (effect.startsWith('mkfs')) await written
  }
  const attached = world.platform.block('attachVolume')
  const manager = world.manager()
  await manager.create('data', { fstype: 'xfs' })
  const first = impatient(manager, 40)
  await eventually(() => expect(world.platform.count('attachVolume')).toBe(1))
  pass(30)
  attached()
  expect(await first).toEqual(prepared('mkfs.xfs, 40 s'))
  expect(await impatient(manager, 55)).toEqual(prepared('mkfs.xfs, 95 s'))
  expect(world.isMounted('data')).toBe(false)
  const repeat = mounted(manager, 'data', 'a')
  finish()
  expect(await repeat).toBe('/mnt/data/data')
  expect(world.kernel.effects).toEqual(['mkfs /dev/memory0', 'mount /dev/memory0'])
  expect(world.ledger().all()[0]?.references).toMatchObject([{ id: 'a', count: 1 }])
})

test('a Mount after a crash says how long the mkfs has run that its predecessor began, and joins when that has ended', async () => {
  const child = spawn('sleep', ['600'])
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  ends.push(end)
  const before = world.manager()
  await before.create('data', {})
  await mounted(before, 'data', 'a')
  await before.close()
  const [record] = world.ledger().all()
  const process = identifyProcess(child.pid ?? 0)
  if (record === undefined || process === undefined) throw new Error('nothing is at work')
  const since = new Date(Date.now() - 300_000).toISOString()
  await world.ledger().put({ ...record, tool: { command: 'mkfs.ext4', process, since } })
  const manager = world.manager()
  expect(await impatient(manager, 20)).toEqual(prepared('mkfs.ext4, 320 s'))
  const repeat = mounted(manager, 'data', 'a')
  await end()
  expect(await repeat).toBe('/mnt/data/data')
})

test('a Mount of the server says what it waits for also where the command line has begun it', async () => {
  const { promise: written, resolve: finish } = gate()
  world.kernel.before = async (effect) => {
    if (effect.startsWith('mkfs')) await written
  }
  const command = world.manager('command')
  const server = world.manager()
  await server.create('data', {})
  const mounting = mounted(command, 'data', 'cli')
  expect(await impatient(server, 40)).toEqual(prepared('mkfs.ext4, 40 s'))
  finish()
  await mounting
})
