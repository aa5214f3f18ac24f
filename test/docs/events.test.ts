import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { documentAt, firstColumn, readProjectFile, sectionOf } from '../support/documents.ts'

const MOUNT = path.resolve(import.meta.dirname, '../../src/mount')

function namedKinds(): string[] {
  const declared = readProjectFile('src/mount/events.ts').matchAll(/^ {2}\| '([a-z-]+)'$/gm)
  return [...declared].map((match) => match[1] ?? '')
}

/** The kinds that some file of the room writes down. */
function recordedKinds(): string[] {
  const files = readdirSync(MOUNT, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'events.ts',
  )
  const code = files.map((file) => readProjectFile(`src/mount/${file}`)).join('\n')
  return namedKinds().filter((kind) => code.includes(`'${kind}'`))
}

test('every kind of event that is recorded is documented, and no other', () => {
  const documented = firstColumn(sectionOf(documentAt('docs/operations.md'), 'Events'))
  expect(documented.toSorted()).toEqual(recordedKinds().toSorted())
  expect(documented).not.toEqual([])
})
