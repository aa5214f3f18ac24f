import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { HeldLocks } from '../../../src/providers/virtualbox/held-locks.ts'

const dead = { ...identifySelf(), startTime: '0' }
const lock = { host: 'of-old:18083', root: 'root', session: 'session' }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-locks-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The file of a lock that was taken so many days ago. */
async function taken(owner = dead, daysAgo = 0): Promise<string> {
  const file = await new HeldLocks(folder, owner).record(lock)
  const time = Date.now() / 1_000 - daysAgo * 86_400
  utimesSync(file, time, time)
  return file
}

const sweep = () => new HeldLocks(folder, identifySelf()).sweep('here:18083')

test('a lock of a dead process on a service of old is swept when nothing can be left of it', async () => {
  await taken(dead, 8)
  const young = await taken(dead, 6)
  const ours = await taken(identifySelf(), 8)
  sweep()
  expect(readdirSync(folder).sort()).toEqual([young, ours].map((one) => path.basename(one)).sort())
})

test('a lock on the service that is asked is not swept but given back, however old', async () => {
  const file = await taken(dead, 100)
  const locks = new HeldLocks(folder, identifySelf())
  locks.sweep(lock.host)
  expect(locks.abandoned(lock.host, new Set())).toEqual([{ file, lock }])
})

test('what a dying process had not written whole is swept at once', () => {
  const torn = path.join(folder, leftoverName('lock', dead))
  writeFileSync(torn, '{"host":"here:180')
  const foreign = path.join(folder, 'notes.txt')
  writeFileSync(foreign, 'mine')
  sweep()
  expect(existsSync(torn)).toBe(false)
  expect(existsSync(foreign)).toBe(true)
})

test('a folder that is not there has nothing to sweep', () => {
  rmSync(folder, { recursive: true })
  sweep()
  expect(existsSync(folder)).toBe(false)
})
