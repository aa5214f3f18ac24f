import { expect, test } from 'vitest'
import * as errors from '../../src/libstorage/errors.ts'
import { documentAt, firstColumn, readProjectFile, sectionOf } from '../support/documents.ts'

const operations = documentAt('docs/operations.md')
const documented = firstColumn(sectionOf(operations, 'Errors'))

/** The codes of the classes, in the order of their declaration. */
const codes = Object.values(errors).flatMap((exported) =>
  typeof exported === 'function' && exported.prototype instanceof errors.StorageError
    ? [Reflect.construct(exported, [{ subject: 'it', problem: 'is so' }]).code]
    : [],
)

test('every code of the error family is documented, once, and no other', () => {
  expect(documented.toSorted()).toEqual(codes.toSorted())
  expect(codes.length).toBeGreaterThan(1)
})

test('every code that the type names has a class', () => {
  const named = readProjectFile('src/libstorage/errors.ts').matchAll(/\| '(ERR_[A-Z_]+)'/g)
  expect([...named].map((match) => match[1]).toSorted()).toEqual(codes.toSorted())
})

test('no page speaks of a code that does not exist', () => {
  const mentioned = operations.text.match(/ERR_[A-Z_]+/g) ?? []
  expect(codes).toEqual(expect.arrayContaining([...new Set(mentioned)]))
})

test('every kind of error says what to do about it', () => {
  const rows = sectionOf(operations, 'Errors').match(/^\| `ERR_.*$/gm) ?? []
  const cells = rows.map((row) => row.split(' | ').map((cell) => cell.replaceAll('|', '').trim()))
  expect(cells.filter((row) => row.length !== 3 || row.includes(''))).toEqual([])
})
