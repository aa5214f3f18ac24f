import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type HeldLock, ProcessLocks } from '../../src/mount/locks.ts'
import { canMount, tool } from '../support/disk-world.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'
import { RecordingLogger } from '../support/recording-logger.ts'

let folder: string
let logger: RecordingLogger
let locks: ProcessLocks
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-locks-'))
  logger = new RecordingLogger()
  locks = new ProcessLocks(folder, logger)
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(folder, { recursive: true, force: true })
})

async function take(from = locks): Promise<HeldLock> {
  const taken = await from.tryAcquire('data', 'is a test')
  if ('owner' in taken) throw new Error(`held by ${taken.owner?.process.pid}`)
  return taken
}

/** Makes the file that says whose the lock is one that cannot be read; resolves with what mends it. */
function makeUnreadable(): () => void {
  const owner = path.join(folder, 'data.lock/owner.json')
  renameSync(owner, `${owner}.aside`)
  mkdirSync(owner)
  return () => {
    rmdirSync(owner)
    renameSync(`${owner}.aside`, owner)
  }
}

describe('a lock that cannot be given back', () => {
  test('makes no error of what was done under it, and is told', async () => {
    const lock = await take()
    const mend = makeUnreadable()
    await expect(lock.release()).resolves.toBeUndefined()
    expect(logger.lines).toEqual([
      {
        level: 'warn',
        message: `lock ${folder}/data.lock cannot be given back (EISDIR), which is tried until it succeeds`,
        fields: {},
      },
    ])
    mend()
    await (await take()).release()
  })

  test('is had again by its own process as soon as that can be', async () => {
    const lock = await take()
    const mend = makeUnreadable()
    await lock.release()
    await expect(take()).rejects.toMatchObject({ code: 'EISDIR' })
    mend()
    const again = await take()
    again.assertHeld()
    await again.release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('is had by others soon after that can be, and told again', async () => {
    const lock = await take()
    const mend = makeUnreadable()
    await lock.release()
    mend()
    const other = await eventually(() => take(new ProcessLocks(folder)))
    expect(logger.lines.at(-1)).toMatchObject({
      level: 'info',
      message: `lock ${folder}/data.lock is not kept any more`,
    })
    other.assertHeld()
    await other.release()
  })

  test('is not taken from whoever has it by then', async () => {
    const lock = await take()
    makeUnreadable()
    await lock.release()
    rmSync(path.join(folder, 'data.lock'), { recursive: true })
    const other = await take(new ProcessLocks(folder))
    await eventually(() => expect(logger.lines).toHaveLength(2))
    other.assertHeld()
    await expect(take()).rejects.toThrow(`held by ${process.pid}`)
    await other.release()
  })
})

test('a lock of which somebody changed the time is given back all the same', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const lock = await take()
  utimesSync(path.join(folder, 'data.lock'), 1, 1)
  vi.advanceTimersByTime(60_000)
  vi.useRealTimers()
  await eventually(() => expect(lock.lost.aborted).toBe(true))
  await lock.release()
  expect(readdirSync(folder)).toEqual([])
})

describe.skipIf(!canMount)('locks on a file system that becomes read-only (root)', () => {
  let world: MountWorld
  beforeEach(() => {
    world = new MountWorld()
  })
  afterEach(async () => {
    spawnSync('umount', ['-l', path.join(world.folder, 'locks')], { stdio: 'ignore' })
    await world.end()
  })

  test('make no error of a Mount that was done, and are had again after it', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    const at = path.join(world.folder, 'locks')
    await tool('mount', '-t', 'tmpfs', 'locks', at)
    const goOn = world.platform.block('attachVolume')
    const mounting = mounted(manager, 'data', 'a')
    mounting.catch(() => {})
    await expect.poll(() => world.platform.count('attachVolume')).toBe(1)
    await tool('mount', '-o', 'remount,ro', at)
    goOn()
    await mounting
    await expect(mounted(manager, 'data', 'b')).rejects.toThrow(
      `run directory ${at} cannot be written (EROFS), make it writable and try again`,
    )
    await tool('mount', '-o', 'remount,rw', at)
    await mounted(manager, 'data', 'b')
    expect(
      world
        .ledger()
        .all()[0]
        ?.references.map(({ id }) => id),
    ).toEqual(['a', 'b'])
  })
})
