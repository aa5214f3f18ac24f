import { excerptOf } from '../../config/excerpt.ts'
import type { ExaminedConfig } from '../../config/load.ts'
import { type Place, placeText, sentenceOf } from '../../config/mistakes.ts'

/** One thing that is to be said of a configuration. */
export interface Finding {
  readonly kind: 'error' | 'warning'
  /** Where it was said, or undefined where nothing says it. */
  readonly source: string | undefined
  readonly sentence: string
  readonly excerpt: Excerpt | undefined
}

/** The line as it stands there, without secrets, and the key in it that is meant. */
interface Excerpt {
  readonly place: Place
  readonly line: string
  readonly keyLength: number
}

/** A key as it is written: quoted, or up to what ends it. */
const KEY = /^(?:"[^"]*"|'[^']*'|[^\s:#,{}[\]]+)/

/** All findings: what stands in files in the order of its place, and before it what stands nowhere. */
export function findingsOf({
  mistakes,
  warnings,
  files,
}: Pick<ExaminedConfig, 'mistakes' | 'warnings' | 'files'>): readonly Finding[] {
  const excerpt = (place: Place | undefined): Excerpt | undefined => {
    const file = files.find(({ path }) => path === place?.file)
    if (place === undefined || file === undefined) return undefined
    const written = file.text.split(/\r?\n/)[place.line - 1] ?? ''
    const key = KEY.exec(written.slice(place.column - 1))?.[0] ?? ' '
    return { place, line: excerptOf(file.text, place.line), keyLength: key.length }
  }
  const findings: readonly Finding[] = [
    ...mistakes.map((mistake) => ({
      kind: 'error' as const,
      source: mistake.source,
      sentence: sentenceOf(mistake),
      excerpt: excerpt(mistake.place),
    })),
    ...warnings.map(({ place, sentence }) => ({
      kind: 'warning' as const,
      source: place && placeText(place),
      sentence,
      excerpt: excerpt(place),
    })),
  ]
  const order = files.map(({ path }) => path)
  const rank = ({ excerpt: found }: Finding): readonly number[] =>
    found === undefined
      ? [-1]
      : [order.indexOf(found.place.file), found.place.line, found.place.column]
  return findings.toSorted((a, b) => compare(rank(a), rank(b)))
}

/** A finding as a compiler says it: the place, the sentence, the line and a mark beneath the key. */
export function findingText({ kind, source, sentence, excerpt }: Finding): string {
  const head = `${source === undefined ? '' : `${source}: `}${kind}: ${sentence}\n`
  if (excerpt === undefined) return head
  const { place, line, keyLength } = excerpt
  const number = String(place.line).padStart(5)
  const start = place.column - 1
  const before = line.slice(0, start).replace(/[^\t]/g, ' ')
  return `${head}${number} | ${line}\n${' '.repeat(5)} | ${before}${'^'.repeat(keyLength)}\n`
}

/** How many there are, and of which files. */
export function summary({
  mistakes,
  warnings,
  files,
}: Pick<ExaminedConfig, 'mistakes' | 'warnings' | 'files'>): string {
  const where = files.length === 0 ? 'no file' : files.map(({ path }) => path).join(', ')
  return `${where}: ${counted(mistakes.length, 'error')}, ${counted(warnings.length, 'warning')}`
}

function counted(count: number, word: string): string {
  return `${count === 0 ? 'no' : count} ${word}${count === 1 ? '' : 's'}`
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
