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
} from 'yaml'
import { InvalidArgumentError } from '../libstorage/errors.ts'

/** One key of a configuration file that has a value, or nothing beneath it. */
export interface FileEntry {
  /** Dotted, as written. */
  readonly path: string
  /** The path in lower case. */
  readonly key: string
  /** As written, so that `0755` stays what it is; undefined where nothing is written. */
  readonly value: string | readonly string[] | undefined
  readonly file: string
  /** Of the key, from 1. */
  readonly line: number
  readonly column: number
}

/** Lists the keys of one YAML text in their order. Throws `InvalidArgumentError` where it is not YAML, or not a map. */
export function parseEntries(text: string, file: string): readonly FileEntry[] {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: (a, b) => keyText(a).toLowerCase() === keyText(b).toLowerCase(),
  })
  const [error] = document.errors
  if (error !== undefined) throw notYaml(error.message, error.pos[0], { text, file, lines, error })
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return []
  if (!isMap(root)) {
    const problem = 'the file has to consist of sections such as libstorage:'
    throw notYaml(problem, root.range?.[0] ?? 0, { text, file, lines })
  }
  return new EntryWalk({ text, file, lines, document }).map(root, [])
}

interface Place {
  readonly text: string
  readonly file: string
  readonly lines: LineCounter
}

/** Walks the tree of one document, through its aliases and merged maps. */
class EntryWalk {
  readonly #place: Place & { readonly document: Document }
  /** The nodes that are being walked: an alias of one of them would never end. */
  readonly #open = new Set<unknown>()

  constructor(place: Place & { readonly document: Document }) {
    this.#place = place
  }

  /** What is merged into a map comes first, since its own keys override it. */
  map(node: YAMLMap, path: readonly string[]): FileEntry[] {
    this.#open.add(node)
    const own = node.items.filter(({ key }) => keyText(key) !== '<<')
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
    const { line, col } = this.#place.lines.linePos(position)
    const dotted = inner.join('.')
    return [
      {
        path: dotted,
        key: dotted.toLowerCase(),
        value: this.#value(resolved, position),
        file: this.#place.file,
        line,
        column: col,
      },
    ]
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
    const target = node.resolve(this.#place.document)
    if (target !== undefined && !this.#open.has(target)) return target
    const problem = target === undefined ? 'names no anchor' : 'stands within its own anchor'
    throw notYaml(`the alias *${node.source} ${problem}`, position, this.#place)
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

function notYaml(
  reason: string,
  position: number,
  { text, file, lines, error }: Place & { readonly error?: Error },
): InvalidArgumentError {
  const { line, col } = lines.linePos(Math.min(position, text.trimEnd().length))
  const written = text.split('\n')[line - 1] ?? ''
  return new InvalidArgumentError({
    subject: `${file}:${line}:${col}`,
    problem: `is not valid YAML: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`,
    remedy: `mend it:\n  ${maskSecret(written)}\n  ${' '.repeat(col - 1)}^`,
    cause: error,
  })
}

/** A broken line is shown to say what is wrong, but never what may be a secret: then only its key. */
function maskSecret(line: string): string {
  const { before, after } =
    /^(?<before>.*(?:key|secret|password|token)\w*["']?\s*[:=])(?<after>.*)$/i.exec(line)?.groups ??
    {}
  return before === undefined || after === undefined ? line : `${before}${'*'.repeat(after.length)}`
}
