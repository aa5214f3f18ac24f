import { basename, dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { folderName, nameOfFolder } from '../../../src/providers/pool/folder-name.ts'

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.constantFrom('.', '/', '%', '-', '\0', 'a', 'A', '\ud800', 'ü'),
    maxLength: 20,
  }),
  fc.string({ unit: fc.constantFrom('x', '.', '/', '💾'), minLength: 60, maxLength: 400 }),
)

test('plain names are their own folder', () => {
  for (const name of ['data', 'my_db-1.2', 'a.b', 'x@y=z']) expect(folderName(name)).toBe(name)
})

test('no name leads out of the pool, is hidden there, or is too long for a file system', () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const folder = folderName(name)
      expect(dirname(join('/pool', folder))).toBe('/pool')
      expect(basename(folder)).toBe(folder)
      expect(folder.startsWith('.')).toBe(false)
      expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(255)
      expect(folder).toMatch(/^[\x21-\x7e]+$/)
    }),
    { numRuns: 2_000 },
  )
})

test('two names never share a folder', () => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      expect(folderName(one) === folderName(other)).toBe(one === other)
    }),
    { numRuns: 2_000 },
  )
})

test('names that were chosen to collide do not', () => {
  const long = 'x'.repeat(300)
  const names = [
    '',
    '%',
    '%25',
    '.',
    '%2E',
    '..',
    'a/b',
    'a%2Fb',
    'A',
    'a',
    '\ud800',
    '\udfff',
    '\ufffd',
    long,
    `${long}y`,
    folderName(long),
    folderName('\ud800'),
    'é',
    'é'.normalize('NFD'),
  ]
  expect(new Set(names.map(folderName)).size).toBe(names.length)
})

test('a folder tells its name, unless it was hashed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }), (name) => {
      expect(nameOfFolder(folderName(name))).toBe(name)
    }),
  )
  const hashed = folderName('/'.repeat(200))
  expect(nameOfFolder(hashed)).toBe(hashed)
})
