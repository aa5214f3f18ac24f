import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeDurably, writeDurably } from '../../src/libstorage/durable-file.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'remora-durable-'))
  file = path.join(folder, 'file')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a file is made, for its owner only, and replaced as a whole', async () => {
  await writeDurably(file, 'a long first text')
  await writeDurably(file, 'second')
  expect(readFileSync(file, 'utf8')).toBe('second')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['file'])
})

test('whoever has the old file open goes on reading the old one whole', async () => {
  await writeDurably(file, 'first')
  const { ino } = statSync(file)
  await writeDurably(file, 'second')
  expect(statSync(file).ino).not.toBe(ino)
})

test('of many who write at once one comes last, whole, and nothing is left of the others', async () => {
  const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(10_000))
  await Promise.all(texts.map((text) => writeDurably(file, text)))
  expect(texts).toContain(readFileSync(file, 'utf8'))
  expect(readdirSync(folder)).toEqual(['file'])
})

test('a write that cannot be done leaves nothing, and what was there before', async () => {
  mkdirSync(file)
  writeFileSync(path.join(file, 'precious'), 'x')
  await expect(writeDurably(file, 'text')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(readdirSync(folder)).toEqual(['file'])
  expect(readdirSync(file)).toEqual(['precious'])
})

test('a file is removed, and one that is not there is no error', async () => {
  await writeDurably(file, 'text')
  await removeDurably(file)
  await removeDurably(file)
  expect(readdirSync(folder)).toEqual([])
})
