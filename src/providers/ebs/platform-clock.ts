/** A `Date` header has whole seconds (RFC 9110, 5.6.7). */
const DATE_MS = 1_000

/**
 * EC2's clock, as the `Date` of its answers has it: this machine's may be wrong. Each answer was given between its request
 * and its arrival here, which bounds how far the one is ahead of the other; more answers bound it more narrowly.
 */
export class PlatformClock {
  /** By how much EC2 is ahead of this machine, at least and at most. */
  #least = Number.NEGATIVE_INFINITY
  #most = Number.POSITIVE_INFINITY

  /** EC2's time, in milliseconds since 1970: this machine's, where no answer is against that. */
  now(): number {
    return Date.now() + Math.min(Math.max(this.#least, 0), this.#most)
  }

  /** For how long, at least, a time by EC2's clock has been past, in milliseconds; 0 where nothing is known. */
  pastAtLeast(time: number): number {
    return Math.max(0, Date.now() + this.#least - time)
  }

  /**
   * Takes in the `Date` of an answer that has just arrived, so many milliseconds after its request. A clock that is set
   * meanwhile does not count: what an answer took is told by another one.
   */
  heard(date: number, tookMs: number): void {
    const arrivedAt = Date.now()
    const least = date - arrivedAt
    const most = date + DATE_MS - (arrivedAt - tookMs)
    // Otherwise one of the clocks has been set since.
    const agrees = least <= this.#most && most >= this.#least
    this.#least = agrees ? Math.max(least, this.#least) : least
    this.#most = agrees ? Math.min(most, this.#most) : most
  }
}
