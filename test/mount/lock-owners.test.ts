import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
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
const children: LineProcess[] = []
const taken: HeldLock[] = []
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-locks-'))
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

describe('an owner', () => {
  test('that was stopped is named at the deadline of whoever waits, and goes on without harm', async () => {
    const owner = start()
    await owner.ask('try data')
    owner.signal('SIGSTOP')
    await expect(
      new ProcessLocks(folder).acquire('data', 'x', AbortSignal.timeout(300)),
    ).rejects.toThrow(`lock data is held by process ${owner.pid}, which is a test`)
    owner.signal('SIGCONT')
    expect(await owner.ask('held data')).toBe('held')
    await owner.ask('release data')
    taken.push(
      await new ProcessLocks(folder).acquire('data', 'is a test', AbortSignal.timeout(10_000)),
    )
  })

  test('finds out at its next step that its lock was taken away', async () => {
    const owner = start()
    await owner.ask('try data')
    expect(await owner.ask('held data')).toBe('held')
    owner.signal('SIGSTOP')
    rmSync(path.join(folder, 'data.lock'), { recursive: true })
    taken.push(
      await new ProcessLocks(folder).acquire('data', 'is a test', AbortSignal.timeout(10_000)),
    )
    owner.signal('SIGCONT')
    expect(await owner.ask('held data')).toMatch(/^lost: lock data was taken away/)
    await owner.ask('release data')
    expect(await start().ask('try data')).toBe(`lost to ${process.pid}`)
  })

  test.each([-30, 30])(
    'of a clock that jumped by %i days keeps its lock and gives it back',
    async (days) => {
      const owner = start()
      await owner.ask(`jump data ${days}`)
      await owner.ask('try data')
      expect(await start().ask('try data')).toBe(`lost to ${owner.pid}`)
      await owner.ask(`jump data ${-days}`)
      expect(await start().ask('try data')).toBe(`lost to ${owner.pid}`)
      expect(await owner.ask('held data')).toBe('held')
      await owner.ask('release data')
      expect(await start().ask('try data')).toBe('won')
    },
  )
})
