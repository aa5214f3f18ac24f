import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bundleChild } from '../support/child-process.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-full-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a process that has as many files open as it may', () => {
  test('is told so by what needs another process, and does not end', async () => {
    const child = await bundleChild('full-child.ts', folder)
    const limited = 'ulimit -n 80; exec "$0" "$@"'
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      limited,
      process.execPath,
      child,
      folder,
    ])
    expect(JSON.parse(stdout)).toEqual({
      full: ['run ERR_UNAVAILABLE', 'tool ERR_UNAVAILABLE', expect.stringMatching(/^lock E/)],
      after: ['run done', 'tool done', 'lock done'],
    })
  })
})
