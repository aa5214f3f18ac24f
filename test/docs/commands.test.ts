import { describe, expect, test } from 'vitest'
import { allDocuments, documentAt, firstColumn, readProjectFile } from '../support/documents.ts'

const targets = [...readProjectFile('Makefile').matchAll(/^([a-z0-9-]+):.*## /gm)].map(
  (match) => match[1] ?? '',
)

describe('make', () => {
  test('has every target that a page names', () => {
    const named = allDocuments().flatMap(({ path, text }) =>
      [...text.matchAll(/(?:`|^(?:\w+=\S+ )?)make ([a-z0-9-]+)/gm)].map((match) => ({
        path,
        target: match[1] ?? '',
      })),
    )
    expect(named.map(({ target }) => target)).toEqual(expect.arrayContaining(['run', 'test']))
    expect(named.filter(({ target }) => !targets.includes(target))).toEqual([])
  })

  test('has no target that contributors are not told of', () => {
    const told = firstColumn(documentAt('CONTRIBUTING.md').text).filter((cell) =>
      cell.startsWith('make '),
    )
    const untold = targets.filter((target) => !told.includes(`make ${target}`))
    expect(untold).toEqual(['help'])
  })
})

test('the README names the version of Node.js that the package asks for', () => {
  const engines = /"node": ">=([\d.]+)"/.exec(readProjectFile('package.json'))?.[1]
  expect(engines).toMatch(/^\d/)
  expect(documentAt('README.md').text).toContain(`Node.js ${engines} or newer`)
  expect(documentAt('CONTRIBUTING.md').text).toContain(`Node.js ${engines} or newer`)
})
