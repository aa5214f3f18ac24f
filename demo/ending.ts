/** Something that was started and has to be ended. */
export interface Started {
  end(): Promise<unknown>
}

/** Ends what was started, in order and all of it, whatever fails on the way. */
export class Ending {
  readonly #failures: unknown[] = []

  /** Ends these; what fails is kept, and the others are ended all the same. */
  async all(started: readonly Started[]): Promise<void> {
    for (const one of started) await one.end().catch((error) => this.#failures.push(error))
  }

  /** Throws what failed, if anything did. */
  check(): void {
    if (this.#failures.length > 0)
      throw new AggregateError(this.#failures, 'not all that was started could be ended')
  }
}
