/** What happened in a world, and the first rule that was broken in it. */
export class Chronicle {
  readonly lines: string[] = []
  violation: string | undefined
  readonly #begun: number

  constructor() {
    this.#begun = Date.now()
  }

  say(line: string): void {
    if (this.violation !== undefined) return
    const seconds = ((Date.now() - this.#begun) / 1_000).toFixed(3).padStart(9)
    this.lines.push(`${seconds}  ${line}`)
  }

  /** Ends the history: a promise was broken. */
  violated(rule: string): void {
    this.say(`BROKEN: ${rule}`)
    this.violation ??= rule
  }
}

/** All that an error tells of where it came from. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
