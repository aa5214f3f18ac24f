import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { HeldLocks } from '../../../src/providers/virtualbox/held-locks.ts'

const dead = { ...identifySelf(), startTime: '0' }
const lock = { host: 'of-old:18083', root: 'root', session: 'session' }

let folder: string
const told: string[] = []
beforeEach(() => {
  told.length = 0
  folder = mkdtempSync(path.join(tmpdir(), 'remora-locks-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (owner = identifySelf()) => new HeldLocks(folder, owner, (said) => told.push(said))

/** The file of a lock that was taken so many days ago. */
async function taken(owner = dead, daysAgo = 0): Promise<string> {
  const file = await open(owner).record(lock)
  const time = Date.now() / 1_000 - daysAgo * 86_400
  utimesSync(file, time, time)
  return file
}

const sweep = () => open().sweep('here:18083')

test('a lock of a dead process on a service of old is swept when nothing can be left of it', async () => {
  await taken(dead, 8)
  const young = await taken(dead, 6)
  const ours = await taken(identifySelf(), 8)
  sweep()
  expect(readdirSync(folder).sort()).toEqual([young, ours].map((one) => path.basename(one)).sort())
})

test('a lock on the service that is asked is not swept but given back, however old', async () => {
  const file = await taken(dead, 100)
  const locks = open()
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
  expect(told).toEqual([])
})

test('what cannot be read says nothing of its process: it stays, and that is said once', () => {
  const unreadable = path.join(folder, leftoverName('lock', dead))
  symlinkSync(unreadable, unreadable)
  const locks = open()
  locks.sweep(lock.host)
  locks.sweep(lock.host)
  expect(locks.abandoned(lock.host, new Set())).toEqual([])
  expect(lstatSync(unreadable).isSymbolicLink()).toBe(true)
  expect(told).toEqual([expect.stringContaining(`${unreadable} cannot be read (ELOOP): machines`)])
})

test('that a folder cannot be read is said, too', () => {
  rmSync(folder, { recursive: true })
  writeFileSync(folder, '')
  sweep()
  expect(told).toEqual([expect.stringContaining(`${folder} cannot be read (ENOTDIR)`)])
})
