import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { refuseSharedStorage } from '../src/shared-storage.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-shared-'))
  mkdirSync(path.join(folder, 'pool'))
  mkdirSync(path.join(folder, 'other'))
  symlinkSync('pool', path.join(folder, 'link'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const refusal = (one: string, two: string) =>
  refuseSharedStorage([
    { name: 'a', storage: path.join(folder, one) },
    { name: 'none', storage: undefined },
    { name: 'b', storage: `${folder}/${two}` },
  ])

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
  await refuseSharedStorage([
    { name: 'a', storage: undefined },
    { name: 'b', storage: undefined },
  ])
})
