import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Run, run } from '../src/libstorage/run.ts'
import { refuseSharedStorage } from '../src/shared-storage.ts'
import { HangingFolder, hangingUnavailable } from './support/hanging-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-shared-'))
  mkdirSync(path.join(folder, 'pool'))
  mkdirSync(path.join(folder, 'other'))
  symlinkSync('pool', path.join(folder, 'link'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const refusal = (one: string, two: string) =>
  refuseSharedStorage(
    [
      { name: 'a', storage: path.join(folder, one) },
      { name: 'none', storage: undefined },
      { name: 'b', storage: `${folder}/${two}` },
    ],
    run,
  )

describe('two services over one storage are refused', () => {
  test.each([
    ['the same words', 'pool', 'pool'],
    ['a slash more', 'pool', 'pool/'],
    ['a link to it', 'pool', 'link'],
    ['a detour', 'pool', 'other/../pool'],
    ['a folder that is not there yet', 'later', 'later/'],
    ['one that will be made behind a link', 'pool/later', 'link/later'],
  ])('by %s', async (_how, one, two) => {
    await expect(refusal(one, two)).rejects.toThrow(
      /^services "a" and "b" share their storage \S+, leave one out, or give it another$/,
    )
  })
})

test('services over two storages, or over one that may be shared, are not', async () => {
  await refusal('pool', 'other')
  await refuseSharedStorage(
    [
      { name: 'a', storage: undefined },
      { name: 'b', storage: undefined },
    ],
    run,
  )
})

test('the storage of one service alone is not looked at', async () => {
  const nobody: Run = () => Promise.reject(new Error('nobody is to look'))
  const one = { name: 'a', storage: folder }
  await refuseSharedStorage([one, { name: 'b', storage: undefined }], nobody)
})

describe.skipIf(hangingUnavailable)('on a disk that does not answer', () => {
  const hurried: Run = (command, args, options) =>
    run(command, args, { ...options, timeoutMs: 300 })
  let hanging: HangingFolder
  beforeEach(async () => {
    hanging = await HangingFolder.make(path.join(folder, 'other'))
  })
  afterEach(() => hanging.end())

  test('storages are told apart by their words, and nothing of this process waits for it', async () => {
    // As many as there are threads.
    const names = ['a', 'b', 'c', 'd']
    const services = names.map((name) => ({ name, storage: path.join(folder, 'other', name) }))
    await refuseSharedStorage(services, hurried)
    const again = { name: 'e', storage: path.join(folder, 'other/a/') }
    await expect(refuseSharedStorage([...services, again], hurried)).rejects.toThrow(
      'services "a" and "e" share their storage',
    )
    writeFileSync(path.join(folder, 'file'), 'read')
    expect(await readFile(path.join(folder, 'file'), 'utf8')).toBe('read')
  })
})
