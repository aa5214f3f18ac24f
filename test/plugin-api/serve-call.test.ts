import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  AbortedError,
  FailedPreconditionError,
  TimeoutError,
  UnavailableError,
} from '../../src/libstorage/errors.ts'
import { callBytes, dialects } from '../support/docker-client.ts'
import { eventually } from '../support/eventually.ts'
import { PluginRig } from '../support/plugin-rig.ts'

const ID = '4f1b6d1a'.repeat(8)

let rig: PluginRig
let sockets: Socket[] = []

async function start(deadlines = { slowMs: 60_000, otherMs: 60_000 }): Promise<void> {
  rig = await PluginRig.start({ deadlines })
  rig.volumes.put({ name: 'v1' })
}

/** A client that says this and may go away at any time. */
function say(bytes: string): Socket {
  const socket = connect({ path: rig.path }, () => socket.write(bytes))
  socket.on('error', () => {})
  sockets.push(socket)
  return socket
}

/** A client of its own process that dies as soon as it has said this. Its process id. */
function sayAndDie(bytes: string): number {
  const script = `const socket = require('node:net').connect(${JSON.stringify(rig.path)})
    socket.write(${JSON.stringify(bytes)}, () => process.kill(process.pid, 'SIGKILL'))`
  const { pid } = spawn(process.execPath, ['-e', script])
  if (pid === undefined) throw new Error('no client')
  return pid
}

/** Whether a child has died with all its threads, though this process had no time to take notice of it. */
function isDead(pid: number): boolean {
  const isZombie = readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  return isZombie && readdirSync(`/proc/${pid}/task`).length === 1
}

beforeEach(() => {
  sockets = []
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await rig.stop()
})

describe.each(dialects)('a %s that goes away during its Mount', (dialect) => {
  test('aborts it, and gets no reference though the work ends well', async () => {
    await start()
    const hold = rig.volumes.calls.hold('mount', { deaf: true })
    const socket = say(callBytes(dialect, 'Mount', { Name: 'v1', ID }))
    await hold.reached
    socket.destroy()
    await eventually(() => expect(rig.volumes.calls.aborted).toHaveLength(1))
    expect(rig.volumes.calls.aborted[0]).toBeInstanceOf(AbortedError)
    hold.release()
    await eventually(() => expect(rig.volumes.told).toEqual({ delivered: 0, undelivered: 1 }))
    expect(rig.volumes.referencesTo('v1')).toEqual({})
    expect(rig.logged('error')).toEqual([])
  })

  test('gets no reference either when it is gone before the reply and nobody has noticed', async () => {
    await start()
    const client = sayAndDie(callBytes(dialect, 'Mount', { Name: 'v1', ID }))
    const mount = rig.volumes.mount.bind(rig.volumes)
    rig.volumes.mount = (request, call) => {
      while (!isDead(client)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      return mount(request, call)
    }
    await eventually(() => expect(rig.volumes.told).toEqual({ delivered: 0, undelivered: 1 }))
    expect(rig.volumes.referencesTo('v1')).toEqual({})
    expect(rig.logged('error')).toEqual([])
  })
})

test('a reply that was written is delivered, once', async () => {
  await start()
  await rig.client().call('Mount', { Name: 'v1', ID })
  await pause(20)
  expect(rig.volumes.told).toEqual({ delivered: 1, undelivered: 0 })
  expect(rig.volumes.calls.aborted).toEqual([])
})

describe('past the deadline', () => {
  test('the driver has the last word', async () => {
    await start({ slowMs: 30, otherMs: 30 })
    rig.volumes.calls.hold('mount')
    const reply = await rig.client().call('Mount', { Name: 'v1', ID })
    expect(reply.status).toBe(500)
    expect(reply.json).toEqual({
      Err:
        'docker-legacy: Mount: v1: failed: Mount of volume "v1" is not done after 0.03 s, ' +
        'try again: what is under way goes on',
    })
    expect(rig.volumes.calls.aborted[0]).toBeInstanceOf(TimeoutError)
  })

  test.each(['Create', 'Mount', 'Unmount', 'Remove', 'Path', 'Get', 'List'])(
    '%s is answered even if the driver does not listen, and what comes later is taken back',
    async (call) => {
      await start({ slowMs: 30, otherMs: 30 })
      const hold = rig.volumes.calls.hold(call.toLowerCase() as 'mount', { deaf: true })
      const reply = await rig.client().call(call, { Name: 'v1', ID })
      expect(reply.status).toBe(500)
      expect(reply.json).toMatchObject({ Err: expect.stringMatching(/is not done after 0.03 s/) })
      hold.release()
      await pause(20)
      const undelivered = call === 'Mount' ? 1 : 0
      expect(rig.volumes.told).toEqual({ delivered: 0, undelivered })
    },
  )

  test('Create and Mount have one deadline, the others another', async () => {
    await start({ slowMs: 60_000, otherMs: 30 })
    const hold = rig.volumes.calls.hold('mount')
    const mount = rig.client().call('Mount', { Name: 'v1', ID })
    rig.volumes.calls.hold('get')
    expect((await rig.client().call('Get', { Name: 'v1' })).status).toBe(500)
    hold.release()
    expect((await mount).status).toBe(200)
  })
})

describe('a driver that does not listen', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([
    ['Create', 111_000],
    ['Mount', 111_000],
    ['Unmount', 56_000],
    ['Remove', 56_000],
    ['Path', 56_000],
    ['Get', 56_000],
    ['List', 56_000],
  ] as const)('keeps %s from its answer for %d ms and not longer', async (call, ms) => {
    rig = await PluginRig.start()
    const hold = rig.volumes.calls.hold(call.toLowerCase() as 'mount', { deaf: true })
    const answer = rig.client().call(call, { Name: 'v1', ID })
    await hold.reached
    await vi.advanceTimersByTimeAsync(ms - 1)
    expect(rig.logged('warn')).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(await answer).toMatchObject({ status: 500 })
    hold.release()
  })
})

describe('the log', () => {
  test('has one line at info for each call that changes something, and secrets in none', async () => {
    await start()
    const client = rig.client()
    await client.call('Create', { Name: 'v2', Opts: { password: 'hunter2' } })
    await client.call('Mount', { Name: 'v2', ID })
    await client.call('Unmount', { Name: 'v2', ID })
    await client.call('Remove', { Name: 'v2' })
    const durationMs = expect.any(Number)
    const volume = 'v2'
    const holder = ID.slice(0, 12)
    expect(rig.logged('info').slice(1)).toEqual([
      { level: 'info', message: 'plugin Create', fields: { volume, durationMs } },
      { level: 'info', message: 'plugin Mount', fields: { volume, holder, durationMs } },
      { level: 'info', message: 'plugin Unmount', fields: { volume, holder, durationMs } },
      { level: 'info', message: 'plugin Remove', fields: { volume, durationMs } },
    ])
    expect(JSON.stringify(rig.lines)).not.toContain('hunter2')
  })

  test('has the calls that only look at debug, an unknown name in Get too', async () => {
    await start()
    for (const call of ['Activate', 'Capabilities', 'Get', 'List', 'Path']) {
      await rig.client().call(call, { Name: 'v1' })
    }
    await rig.client().call('Get', { Name: 'unknown' })
    expect(rig.logged('debug').map(({ message }) => message)).toEqual([
      'plugin Activate',
      'plugin Capabilities',
      'plugin Get',
      'plugin List',
      'plugin Path',
      'plugin Get failed',
    ])
    expect(rig.logged('info')).toHaveLength(1)
  })

  test.each(['Get', 'List', 'Mount'])('has what %s failed with, and why, at warn', async (call) => {
    await start()
    const cause = new Error('RequestLimitExceeded')
    const facts = { subject: 'EC2', problem: 'is throttling', cause }
    rig.volumes.calls.fail(call.toLowerCase() as 'get', new UnavailableError(facts))
    await rig.client().call(call, { Name: 'v1' })
    expect(rig.logged('warn')).toMatchObject([
      {
        message: `plugin ${call} failed`,
        fields: { error: 'EC2 is throttling', cause: 'RequestLimitExceeded' },
      },
    ])
  })

  test('has a failure meant for the user at warn, a bug at error with its stack', async () => {
    await start()
    const facts = { subject: 'volume "v1"', problem: 'is held' }
    rig.volumes.calls.fail('remove', new FailedPreconditionError(facts))
    await rig.client().call('Remove', { Name: 'v1' })
    expect(rig.logged('warn')).toHaveLength(1)
    expect(rig.logged('error')).toEqual([])
    rig.volumes.calls.fail('remove', new TypeError('x is undefined'))
    await rig.client().call('Remove', { Name: 'v1' })
    expect(rig.logged('error')).toMatchObject([
      {
        fields: { volume: 'v1', stack: expect.stringMatching(/^TypeError: x is undefined\n +at /) },
      },
    ])
  })
})
