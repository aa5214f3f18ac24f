import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml'
import { excerptOf } from './excerpt.ts'
import { type Mistakes, type Place, placeText } from './mistakes.ts'

/** One key of a configuration file that has a value, or nothing beneath it. */
export interface FileEntry extends Place {
  /** Dotted, as written. */
  readonly path: string
  /** The path in lower case. */
  readonly key: string
  /** As written, so that `0755` stays what it is; undefined where nothing is written. */
  readonly value: string | readonly string[] | undefined
}

/**
 * Lists the keys of one YAML text in their order. What is not YAML, and a key that stands twice, is among the mistakes;
 * undefined means that the text cannot be understood.
 */
export function parseEntries(
  text: string,
  file: string,
  mistakes: Mistakes,
): readonly FileEntry[] | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: false,
  })
  const source = { text, file, lines, mistakes }
  const errors = firstOfEachLine(document.errors, lines)
  for (const error of errors) addNotYaml(reasonOf(error), error.pos[0], source)
  if (errors.length > 0) return undefined
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return []
  if (!isMap(root)) {
    const problem = 'the file has to consist of sections such as libstorage:'
    addNotYaml(problem, root.range?.[0] ?? 0, source)
    return undefined
  }
  return new EntryWalk({ ...source, document }).map(root, [])
}

interface Source {
  readonly text: string
  readonly file: string
  readonly lines: LineCounter
  readonly mistakes: Mistakes
}

/** Walks the tree of one document, through its aliases and merged maps. */
class EntryWalk {
  readonly #source: Source & { readonly document: Document }
  /** The nodes that are being walked: an alias of one of them would never end. */
  readonly #open = new Set<unknown>()

  constructor(source: Source & { readonly document: Document }) {
    this.#source = source
  }

  /** What is merged into a map comes first, since its own keys override it. */
  map(node: YAMLMap, path: readonly string[]): FileEntry[] {
    this.#open.add(node)
    const own = node.items.filter(({ key }) => keyText(key) !== '<<')
    this.#noteRepeats(own, path)
    const merges = node.items.filter(({ key }) => keyText(key) === '<<')
    const entries = [
      ...merges.flatMap(({ key, value }) =>
        this.#merged(this.#resolve(value, rangeStart(key)), path),
      ),
      ...own.flatMap((pair) => this.#pair(pair, path)),
    ]
    this.#open.delete(node)
    return entries
  }

  #pair({ key, value }: Pair, path: readonly string[]): FileEntry[] {
    const position = rangeStart(key)
    const resolved = this.#resolve(value, position)
    const inner = [...path, keyText(key)]
    if (isMap(resolved) && resolved.items.length > 0) return this.map(resolved, inner)
    const dotted = inner.join('.')
    return [
      {
        path: dotted,
        key: dotted.toLowerCase(),
        value: this.#value(resolved, position),
        ...placeAt(position, this.#source),
      },
    ]
  }

  /** Keys have no case: one that stands twice in a section, in whatever case, would hide the other. */
  #noteRepeats(pairs: readonly Pair[], path: readonly string[]): void {
    const first = new Map<string, Place>()
    for (const { key } of pairs) {
      const name = keyText(key).toLowerCase()
      const place = placeAt(rangeStart(key), this.#source)
      const before = first.get(name)
      if (before === undefined) first.set(name, place)
      else
        this.#source.mistakes.add({
          source: placeText(place),
          place,
          subject: [...path, keyText(key)].join('.'),
          problem: `stands a second time, first in line ${before.line}`,
          remedy: 'leave one out, or put both together',
        })
    }
  }

  #merged(node: unknown, path: readonly string[]): FileEntry[] {
    if (isMap(node)) return this.map(node, path)
    if (!isSeq(node)) return []
    const earlierLast = [...node.items].reverse()
    return earlierLast.flatMap((item) => this.#merged(this.#resolve(item, 0), path))
  }

  #value(node: unknown, position: number): string | readonly string[] | undefined {
    if (isSeq(node)) {
      return node.items.map((item) => scalarText(this.#resolve(item, position)) ?? '')
    }
    return scalarText(node)
  }

  #resolve(node: unknown, position: number): unknown {
    if (!isAlias(node)) return node
    const target = node.resolve(this.#source.document)
    if (target !== undefined && !this.#open.has(target)) return target
    const problem = target === undefined ? 'names no anchor' : 'stands within its own anchor'
    addNotYaml(`the alias *${node.source} ${problem}`, position, this.#source)
    return undefined
  }
}

function keyText(node: unknown): string {
  const value = isScalar(node) ? node.value : node
  return typeof value === 'symbol' ? (value.description ?? '') : String(value)
}

function scalarText(node: unknown): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

function rangeStart(node: unknown): number {
  return isScalar(node) ? (node.range?.[0] ?? 0) : 0
}

/** What follows in the same line is most often the same mistake seen again. */
function firstOfEachLine(
  errors: readonly YAMLParseError[],
  lines: LineCounter,
): readonly YAMLParseError[] {
  const seen = new Set<number>()
  return errors.filter(({ pos }) => {
    const { line } = lines.linePos(pos[0])
    const isFirst = !seen.has(line)
    seen.add(line)
    return isFirst
  })
}

function reasonOf({ code, message }: YAMLParseError): string {
  if (code === 'TAB_AS_INDENT') return 'a tab stands where only spaces may, use spaces'
  if (code === 'MULTIPLE_DOCS') return 'a second document begins, write all into the first one'
  return message.charAt(0).toLowerCase() + message.slice(1)
}

function addNotYaml(reason: string, position: number, { text, lines, ...source }: Source): void {
  const place = placeAt(Math.min(position, text.trimEnd().length), { lines, file: source.file })
  const written = excerptOf(text, place.line)
  const caret = written.slice(0, place.column - 1).replace(/[^\t]/g, ' ')
  source.mistakes.add({
    source: placeText(place),
    place,
    subject: 'the file',
    problem: `is not valid YAML: ${reason}`,
    excerpt: `mend it:\n  ${written}\n  ${caret}^`,
  })
}

function placeAt(position: number, { lines, file }: Pick<Source, 'lines' | 'file'>): Place {
  const { line, col } = lines.linePos(position)
  return { file, line, column: col }
}
