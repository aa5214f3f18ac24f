import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { directoryUsage } from '../../../src/mount/linux/usage.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-usage-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a directory behind a link uses what its files take, and has free what is free below', async () => {
  const directory = path.join(folder, 'files')
  mkdirSync(path.join(directory, 'deep'), { recursive: true })
  const link = path.join(folder, 'link')
  symlinkSync(directory, link)
  const before = await directoryUsage(link, run)
  writeFileSync(path.join(directory, 'deep/file'), Buffer.alloc(3 * 2 ** 20, 1), { flush: true })
  writeFileSync(path.join(folder, 'beside'), Buffer.alloc(2 ** 20, 1), { flush: true })
  const after = await directoryUsage(link, run)
  const added = after.usedBytes - before.usedBytes
  expect(added).toBeGreaterThanOrEqual(3 * 2 ** 20)
  expect(added).toBeLessThan(4 * 2 ** 20)
  expect(after.freeBytes).toBeGreaterThan(0)
})

test('a directory that is gone cannot be measured', async () => {
  await expect(directoryUsage(path.join(folder, 'none'), run)).rejects.toMatchObject({
    code: 'ERR_FAILED_PRECONDITION',
  })
})
