import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { leftoverName } from '../../src/libstorage/leftover.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import { type HeldLock, ProcessLocks } from '../../src/mount/locks.ts'
import { bundleChild, LineProcess } from '../support/child-process.ts'

let bundles: string
let program: string
beforeAll(async () => {
  bundles = mkdtempSync(path.join(tmpdir(), 'remora-bundle-'))
  program = await bundleChild('lock-child.ts', bundles)
})
afterAll(() => rmSync(bundles, { recursive: true, force: true }))

let folder: string
let locks: ProcessLocks
const children: LineProcess[] = []
const taken: HeldLock[] = []
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-locks-'))
  locks = new ProcessLocks(folder)
})
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()))
  await Promise.all(taken.splice(0).map((lock) => lock.release()))
  rmSync(folder, { recursive: true, force: true })
})

function start(): LineProcess {
  const child = new LineProcess(program, [folder])
  children.push(child)
  return child
}

async function take(name = 'data', purpose = 'is a test'): Promise<HeldLock> {
  const lock = await locks.acquire(name, purpose, AbortSignal.timeout(10_000))
  taken.push(lock)
  return lock
}

describe('a lock', () => {
  test('has one owner among processes, until it is given back', async () => {
    const [one, other] = [start(), start()]
    expect(await one.ask('try data')).toBe('won')
    expect(await other.ask('try data')).toBe(`lost to ${one.pid}`)
    expect(await locks.tryAcquire('data', 'x')).toMatchObject({
      owner: { process: { pid: one.pid }, purpose: 'is a test' },
    })
    await one.ask('release data')
    expect(await other.ask('try data')).toBe('won')
  })

  test('has one owner within a process too', async () => {
    await take()
    expect(await locks.tryAcquire('data', 'x')).toMatchObject({
      owner: { process: { pid: process.pid } },
    })
  })

  test('does not stand in the way of another', async () => {
    await take('one')
    await take('two')
    expect(await start().ask('try three')).toBe('won')
  })

  test('that a process died over before it was there leaves nothing for long', () => {
    const dead = leftoverName('lock', { ...identifySelf(), startTime: '1' })
    const living = leftoverName('lock')
    for (const name of [dead, living]) mkdirSync(path.join(folder, name))
    new ProcessLocks(folder)
    expect(readdirSync(folder)).toEqual([living])
  })

  test('of a dead owner is swept, of a living one kept', async () => {
    await take('living')
    leaveLock(
      'dead',
      JSON.stringify({ process: { ...identifySelf(), startTime: '1' }, purpose: 'x' }),
    )
    await locks.sweep()
    expect(readdirSync(folder).filter((name) => name.endsWith('.lock'))).toEqual(['living.lock'])
  })

  test('may be given back twice', async () => {
    const lock = await take()
    await lock.release()
    await expect(lock.release()).resolves.toBeUndefined()
  })

  test('leaves nothing behind when it was given back', async () => {
    const lock = await take()
    await lock.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('is never in two hands, however many take it in turn', { timeout: 60_000 }, async () => {
    const contenders = [start(), start(), start()]
    const intrusions = await Promise.all(contenders.map((child) => child.ask('contend data 100')))
    expect(intrusions).toEqual(['0', '0', '0'])
  })
})

describe('waiting for a lock', () => {
  test('ends when its owner gives it back', async () => {
    const owner = start()
    await owner.ask('try data')
    const waiting = take()
    await owner.ask('release data')
    expect((await waiting).lost.aborted).toBe(false)
  })

  test('names the owner when the time is up', async () => {
    const owner = start()
    await owner.ask('try data')
    const waiting = locks.acquire('data', 'x', AbortSignal.timeout(200))
    await expect(waiting).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `lock data is held by process ${owner.pid}, which is a test, wait for it and try again`,
    })
  })

  test('ends as any wait does when the caller goes away', async () => {
    await take()
    const leaving = new AbortController()
    const waiting = locks.acquire('data', 'x', leaving.signal)
    leaving.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })
})

describe('an owner', () => {
  test('that was killed loses its lock to the next who asks', async () => {
    const owner = start()
    await owner.ask('try data')
    await owner.kill()
    expect(await start().ask('try data')).toBe('won')
  })

  test('that was stopped keeps it, however long', async () => {
    const owner = start()
    await owner.ask('try data')
    owner.signal('SIGSTOP')
    const longAgo = new Date('2001-01-01')
    utimesSync(path.join(folder, 'data.lock'), longAgo, longAgo)
    expect(await start().ask('try data')).toBe(`lost to ${owner.pid}`)
  })

  test('keeps it over a jump of the clock', async () => {
    const owner = start()
    await owner.ask('try data')
    for (const jump of [new Date('1990-01-01'), new Date('2090-01-01')]) {
      utimesSync(path.join(folder, 'data.lock'), jump, jump)
      expect(await locks.tryAcquire('data', 'x')).toMatchObject({
        owner: { process: { pid: owner.pid } },
      })
    }
  })

  test('of an earlier boot, or one whose name cannot be read, has lost it', async () => {
    leaveLock(
      'rebooted',
      JSON.stringify({ process: { ...identifySelf(), bootId: 'x' }, purpose: 'x' }),
    )
    leaveLock('unreadable', '{')
    await take('rebooted')
    await take('unreadable')
    expect(await start().ask('try rebooted')).toBe(`lost to ${process.pid}`)
  })

  test('in a pid namespace that has ended loses it, where every namespace is seen', async () => {
    const elsewhere = { ...identifySelf(), pidNamespace: 'pid:[1]', pid: 2 ** 30 }
    leaveLock('data', JSON.stringify({ process: elsewhere, purpose: 'x' }))
    const taken = await locks.tryAcquire('data', 'x')
    expect('owner' in taken).toBe(false)
    if (!('owner' in taken)) await taken.release()
  })
})

test('of two who take over from a dead owner exactly one wins', { timeout: 60_000 }, async () => {
  const [one, other] = [start(), start()]
  const dead = { ...identifySelf(), startTime: '1' }
  for (let round = 0; round < 50; round++) {
    leaveLock(`round-${round}`, JSON.stringify({ process: dead, purpose: 'died' }))
    const answers = await Promise.all([one, other].map((child) => child.ask(`try round-${round}`)))
    expect(answers.filter((answer) => answer === 'won')).toHaveLength(1)
    expect(answers.filter((answer) => /^lost to \d+$/.test(answer))).toHaveLength(1)
  }
})

test('a lock that is removed from outside is lost within the interval of its looks', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const lock = await take()
    rmSync(path.join(folder, 'data.lock'), { recursive: true })
    const lost = new Promise((resolve) => lock.lost.addEventListener('abort', resolve))
    vi.advanceTimersByTime(10_000)
    await lost
    expect(lock.lost.reason).toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message:
        'lock data was taken away while it was held, let nobody remove files from the run directory, and try again',
    })
    await expect(lock.release()).resolves.toBeUndefined()
  } finally {
    vi.useRealTimers()
  }
})

test('a lock that is held is not lost by being looked at', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const lock = await take()
    for (let look = 0; look < 3; look++) {
      vi.advanceTimersByTime(10_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(lock.lost.aborted).toBe(false)
    expect(existsSync(path.join(folder, 'data.lock'))).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

function leaveLock(name: string, owner: string): void {
  mkdirSync(path.join(folder, `${name}.lock`))
  writeFileSync(path.join(folder, `${name}.lock`, 'owner.json'), owner)
}
