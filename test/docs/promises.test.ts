import { expect, test } from 'vitest'
import { documentAt, isTestThere } from '../support/documents.ts'
import { commands } from './promises/commands.ts'
import { copying } from './promises/copying.ts'
import { machines } from './promises/machines.ts'
import { mounting } from './promises/mounting.ts'
import { references } from './promises/references.ts'
import { running } from './promises/running.ts'
import { volumes } from './promises/volumes.ts'

const shown = [
  ...volumes,
  ...references,
  ...mounting,
  ...copying,
  ...machines,
  ...commands,
  ...running,
]

/** One item of a list, or one row of a table: a row begins with its whole first cell. */
interface Said {
  readonly section: string
  readonly kind: 'item' | 'row'
  readonly text: string
}

/** Every promise of the page, in one line each, without the marks of bold words. */
function promisesOf(text: string): Said[] {
  return text
    .split(/^## /m)
    .slice(1)
    .flatMap((part) => {
      const [section = '', ...lines] = part.split('\n')
      return [...itemsOf(lines), ...rowsOf(lines)].map((said) => ({ section, ...said }))
    })
}

function itemsOf(lines: readonly string[]): Omit<Said, 'section'>[] {
  const items = [...lines.join('\n').matchAll(/^- (.+(?:\n {2}.+)*)/gm)]
  return items.map((match) => ({
    kind: 'item',
    text: (match[1] ?? '').replace(/\s+/g, ' ').replaceAll('**', ''),
  }))
}

function rowsOf(lines: readonly string[]): Omit<Said, 'section'>[] {
  const rows = lines.filter((line) => line.startsWith('|'))
  // The first two are its head and the line below.
  return rows.slice(2).map((row) => ({ kind: 'row', text: row.split('|')[1]?.trim() ?? '' }))
}

const promises = promisesOf(documentAt('docs/semantics.md').text)

const isMeant = (said: Said, { section, begins }: { section: string; begins: string }) =>
  said.section === section &&
  (said.kind === 'row' ? said.text === begins : said.text.startsWith(begins))

test('the page is read whole: everything that looks like an item or a row is a promise', () => {
  const page = documentAt('docs/semantics.md').text
  const items = page.match(/^\s*[-*+\d.]+ /gm) ?? []
  const rows = page.match(/^\|/gm) ?? []
  expect(promises.filter(({ kind }) => kind === 'item')).toHaveLength(items.length)
  expect(promises.filter(({ kind }) => kind === 'row')).toHaveLength(rows.length - 2)
})

test('every promise names the tests that show it', () => {
  const bare = promises.filter((said) => !shown.some((one) => isMeant(said, one)))
  expect(bare).toEqual([])
})

test('every entry is for one promise that is made', () => {
  const wrong = shown.filter(
    (one) => promises.filter((said) => isMeant(said, one)).length !== 1 || one.shownBy.length === 0,
  )
  expect(wrong).toEqual([])
  const meant = promises.filter((said) => shown.filter((one) => isMeant(said, one)).length > 1)
  expect(meant).toEqual([])
})

test('every test that is named is there', () => {
  const missing = shown.flatMap(({ shownBy }) => shownBy).filter((named) => !isTestThere(named))
  expect(missing).toEqual([])
})
