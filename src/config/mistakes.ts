import { InvalidArgumentError } from '../libstorage/errors.ts'

/** Where something stands in a configuration file; line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Something in a configuration that cannot be served as it stands. */
export interface Mistake {
  /** Where it was said: `/etc/rexray/config.yml:3:5`, `environment X`; absent where nothing says it. */
  readonly source?: string | undefined
  readonly place?: Place | undefined
  /** The thing, named. */
  readonly subject: string
  /** What is wrong with it, as a clause. */
  readonly problem: string
  /** The way out, as an imperative. */
  readonly remedy?: string | undefined
  /** The written line and a mark, for who cannot look at it. */
  readonly excerpt?: string | undefined
  readonly cause?: unknown
}

/** What is wrong in one configuration, all of it: nobody wants to hear of one mistake at each start. */
export class Mistakes {
  readonly #found = new Map<string, Mistake>()

  /** The same thing is said once, however many services it concerns. */
  add(mistake: Mistake): void {
    const message = messageOf(mistake)
    if (!this.#found.has(message)) this.#found.set(message, mistake)
  }

  /** Those of one file in the order of their lines. */
  get all(): readonly Mistake[] {
    return [...this.#found.values()].sort(({ place: a }, { place: b }) =>
      a === undefined || b === undefined || a.file !== b.file
        ? 0
        : a.line - b.line || a.column - b.column,
    )
  }

  /** Throws `InvalidArgumentError` that says all of them, if there are any. */
  refuse(): void {
    const [first, ...others] = this.all
    if (first === undefined) return
    if (others.length === 0) {
      const { source, subject, problem, remedy, excerpt, cause } = first
      const named = source === undefined ? subject : `${source}: ${subject}`
      throw new InvalidArgumentError({ subject: named, problem, remedy: excerpt ?? remedy, cause })
    }
    const lines = this.all.map((mistake) => `\n  ${messageOf(mistake)}`)
    throw new InvalidArgumentError({
      subject: 'the configuration',
      problem: `has ${lines.length} mistakes:${lines.join('')}`,
    })
  }
}

/** A mistake as a sentence, without where it stands. */
export function sentenceOf({ subject, problem, remedy }: Mistake): string {
  return `${subject} ${problem}${remedy === undefined ? '' : `, ${remedy}`}`
}

/** Where a place is: file, line and column. */
export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`
}

function messageOf(mistake: Mistake): string {
  const { source } = mistake
  return `${source === undefined ? '' : `${source}: `}${sentenceOf(mistake)}`
}
