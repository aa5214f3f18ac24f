import { expect, test } from 'vitest'
import { type Key, operationKeys, programKeys, STORAGE_DRIVERS } from '../../src/config/keys.ts'
import { documentAt, sectionOf } from '../support/documents.ts'

const OPERATIONS = 'libstorage.integration.volume.operations.'
const keys: readonly Key[] = [...Object.values(programKeys), ...Object.values(operationKeys)]
const section = sectionOf(documentAt('docs/coming-from-rexray.md'), 'Keys of 0.3, and misprints')
const told = [...section.matchAll(/^\| (`[^|]+) \| `([^`]+)`/gm)].flatMap(([, older = '', newer]) =>
  [...older.matchAll(/`([^`]+)`/g)].map((match) => [match[1], newer] as const),
)

test('the page has every older key with its name of today, and no other', () => {
  const known = [
    ...keys.flatMap(({ path, older = [] }) => older.map((name) => [name, path] as const)),
    [STORAGE_DRIVERS, programKeys.service.path] as const,
    [operationKeys.volumeRootPath.path, operationKeys.mountRootPath.path] as const,
  ].map(([older, newer]) => [older, newer.replace(OPERATIONS, '')])
  expect(told.toSorted()).toEqual(known.toSorted())
})
