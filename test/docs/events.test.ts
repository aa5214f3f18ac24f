import { expect, test } from 'vitest'
import { documentAt, firstColumn, readProjectFile, sectionOf } from '../support/documents.ts'

const declared = /export type EventKind =\n((?: {2}\| '[a-z-]+'\n)+)/.exec(
  readProjectFile('src/mount/events.ts'),
)?.[1]

test('every kind of event is documented, and no other', () => {
  const kinds = [...(declared ?? '').matchAll(/'([a-z-]+)'/g)].map((match) => match[1] ?? '')
  const documented = firstColumn(sectionOf(documentAt('docs/operations.md'), 'Events'))
  expect(kinds).not.toEqual([])
  expect(documented.toSorted()).toEqual(kinds.toSorted())
})
