import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeWhole } from '../../../src/cli/service/write-whole.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'write-whole-'))
  file = path.join(folder, 'bin', 'script')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file is there whole, with its bits, and nothing beside it', () => {
  writeWhole(file, 'old')
  writeWhole(file, 'new', 0o755)
  expect(readFileSync(file, 'utf8')).toBe('new')
  expect(statSync(file).mode & 0o777).toBe(0o755)
  expect(readdirSync(path.dirname(file))).toEqual(['script'])
})

test.each(['somebodys', 'missing'])(
  'a link to a file (%s) that others put where it is prepared is not followed',
  (name) => {
    const target = path.join(folder, name)
    writeFileSync(path.join(folder, 'somebodys'), 'theirs')
    writeWhole(file, 'old')
    symlinkSync(target, path.join(folder, 'bin', '.script.new'))
    writeWhole(file, 'new')
    expect(readFileSync(file, 'utf8')).toBe('new')
    expect(readFileSync(path.join(folder, 'somebodys'), 'utf8')).toBe('theirs')
    expect(readdirSync(folder).toSorted()).toEqual(['bin', 'somebodys'])
  },
)

test('what a crash left unfinished is not in the way, and lends nothing of its bits', () => {
  writeWhole(file, 'old')
  writeFileSync(path.join(folder, 'bin', '.script.new'), 'ha', { mode: 0o600 })
  writeWhole(file, 'new', 0o755)
  expect(statSync(file).mode & 0o777).toBe(0o755)
})
