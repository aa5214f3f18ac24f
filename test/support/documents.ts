import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** One page that people read. */
export interface Document {
  /** Relative to the project: `docs/operations.md`. */
  readonly path: string
  readonly text: string
}

/** The page at a path relative to the project. */
export function documentAt(file: string): Document {
  return { path: file, text: readProjectFile(file) }
}

/** All pages: those at the top, and everything beneath `docs`. */
export function allDocuments(): Document[] {
  const top = readdirSync(ROOT)
  const beneath = readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  return [...top, ...beneath.map((file) => path.join('docs', file))]
    .filter((file) => file.endsWith('.md'))
    .map(documentAt)
}

/** The sources of the program. */
export function sourceFiles(): Document[] {
  return readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => documentAt(path.join('src', file)))
}

/** The text of any file of the project. */
export function readProjectFile(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
}

/** Whether a path relative to the project is there. */
export function isInProject(file: string): boolean {
  return existsSync(path.join(ROOT, file))
}

/** Whether there is such a test: `<file> > <title>`, of a title its beginning, be it a template or not. */
export function isTestThere(named: string): boolean {
  const [file = '', title = ''] = named.split(/ > (.*)/s)
  if (title === '' || !isInProject(file)) return false
  const source = readProjectFile(file)
  return ["'", '"', '`'].some((mark) => source.includes(`${mark}${title}`))
}

/** The text of a page's section, from its heading to the next one of the same or a higher level. */
export function sectionOf({ path: page, text }: Document, heading: string): string {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.endsWith(` ${heading}`))
  if (start < 0) throw new Error(`${page} has no section "${heading}"`)
  const level = lines[start]?.indexOf(' ') ?? 0
  const length = lines.slice(start + 1).findIndex((line) => {
    const hashes = /^(#+) /.exec(line)?.[1]?.length ?? Number.POSITIVE_INFINITY
    return hashes <= level
  })
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n')
}

/** What stands in code marks in the first column of a section's table. */
export function firstColumn(section: string): string[] {
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '')
}

/** The anchors that a page's headings give, as they are made by the usual renderers. */
export function anchorsOf({ text }: Document): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  )
}
