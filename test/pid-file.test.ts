import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PID_FILE, writePidFile } from '../src/pid-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pid-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('it has the id of this process, over one that is left over, and goes with it', () => {
  const run = path.join(folder, 'run')
  writePidFile(run)
  writeFileSync(path.join(run, PID_FILE), '4194305\n')
  const remove = writePidFile(run)

  expect(readFileSync(path.join(run, PID_FILE), 'utf8')).toBe(`${process.pid}\n`)
  remove()
  expect(existsSync(path.join(run, PID_FILE))).toBe(false)
})

test('that of another process is left where it is', () => {
  const remove = writePidFile(folder)
  writeFileSync(path.join(folder, PID_FILE), '1\n')
  remove()

  expect(readFileSync(path.join(folder, PID_FILE), 'utf8')).toBe('1\n')
})
