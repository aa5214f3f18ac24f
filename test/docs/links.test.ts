import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  allDocuments,
  anchorsOf,
  type Document,
  documentAt,
  isInProject,
  readProjectFile,
} from '../support/documents.ts'

const documents = allDocuments()

interface Link {
  readonly from: string
  /** Relative to the project; the page itself for a bare anchor. */
  readonly file: string
  readonly anchor: string | undefined
}

function linksOf({ path: page, text }: Document): Link[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '')
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#')
      return { from: page, file: file === '' ? page : path.join(path.dirname(page), file), anchor }
    })
}

const links = documents.flatMap(linksOf)

test('every file that a page links to exists', () => {
  expect(links.length).toBeGreaterThan(10)
  expect(links.filter(({ file }) => !isInProject(file))).toEqual([])
})

test('every section that a page links to exists', () => {
  const anchored = links.filter((link) => link.anchor !== undefined && isInProject(link.file))
  const broken = anchored.filter(
    ({ file, anchor }) => !anchorsOf(documentAt(file)).includes(anchor ?? ''),
  )
  expect(anchored).not.toEqual([])
  expect(broken).toEqual([])
})

test('every source file that a page names exists', () => {
  const named = documents.flatMap(({ path: page, text }) =>
    [...text.matchAll(/`((?:src|test|docs)\/[\w./-]+\.(?:ts|md))`/g)].map((match) => ({
      page,
      file: match[1] ?? '',
    })),
  )
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter(({ file }) => !isInProject(file))).toEqual([])
})

test('every section that the code names exists', () => {
  const src = path.resolve(import.meta.dirname, '../../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  const code = files.filter((file) => file.endsWith('.ts')).map((file) => path.join('src', file))
  const texts = code.map((file) => ({ file, text: readProjectFile(file) }))
  const named = texts.flatMap(({ file, text }) =>
    [...text.matchAll(/\((docs\/[\w-]+\.md), ([^)]+)\)/g)].map((match) => ({
      file,
      page: match[1] ?? '',
      section: match[2] ?? '',
    })),
  )
  expect(named).not.toEqual([])
  const exists = ({ page, section }: { page: string; section: string }) =>
    documentAt(page).text.split('\n').includes(`## ${section}`)
  expect(named.filter((one) => !exists(one))).toEqual([])
  const numbered = texts.filter(({ text }) => /\(semantics\b/.test(text))
  expect(numbered.map(({ file }) => file)).toEqual([])
})

/** The pages that a link leads to: its own file, or all in its folder. */
function pagesBehind({ file }: Link): string[] {
  const pages = documents.map((document) => document.path)
  return pages.filter((page) => page === file || path.dirname(page) === file)
}

test('every page can be reached from the README', () => {
  const reached = new Set(['README.md'])
  for (const page of reached)
    for (const found of links.filter(({ from }) => from === page).flatMap(pagesBehind))
      reached.add(found)
  const pages = documents.map((document) => document.path)
  expect(pages.filter((page) => !reached.has(page))).toEqual([])
})
