import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { announced, LastChangeFile } from '../../src/mount/last-change.ts'
import { InMemoryVolumes } from '../support/in-memory-volumes.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'last-change-'))
})
afterEach(() => {
  chmodSync(folder, 0o755)
  rmSync(folder, { recursive: true, force: true })
})

test('a change is noted before it begins and when it has ended, also by a failure', async () => {
  const last = new LastChangeFile(path.join(folder, 'run'))
  const volumes = new InMemoryVolumes()
  const line = announced(volumes, last)
  const words = [last.read()]
  expect(words).toEqual([''])

  const hold = volumes.calls.hold('create')
  const creating = line.createNew('data', {})
  words.push(last.read())
  hold.release()
  await creating
  words.push(last.read())
  await expect(line.createNew('data', {})).rejects.toThrow('already exists')
  words.push(last.read())
  expect(new Set(words).size).toBe(4)
})

test('who only looks notes nothing', async () => {
  const last = new LastChangeFile(folder)
  const line = announced(new InMemoryVolumes(), last)
  await line.list()
  await line.path('data')
  await expect(line.get('data')).rejects.toThrow('not found')
  expect(last.read()).toBe('')
})

test('the note is for its owner alone', () => {
  new LastChangeFile(folder).note()
  expect(statSync(path.join(folder, 'last-change')).mode & 0o777).toBe(0o600)
})

test('what cannot be written is an error before anything is done', async () => {
  const file = path.join(folder, 'file')
  writeFileSync(file, '')
  const volumes = new InMemoryVolumes()
  const line = announced(volumes, new LastChangeFile(path.join(file, 'run')))
  await expect(line.createNew('data', {})).rejects.toThrow(file)
  expect(await volumes.list()).toEqual([])
})
