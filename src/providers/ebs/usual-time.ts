/** By how much the time of the first look shrinks while no look came too early near it; else by which part of a pause. */
const SHRINKING = 0.9
const CREEPING = 0.08

/** What one change showed of its time, in milliseconds. */
export interface Learnt {
  /** When it was looked at first, and when it was seen. */
  readonly firstMs: number
  readonly seenMs: number
  /** How much later the next look would have been. */
  readonly stepMs: number
}

/**
 * How long EC2 usually takes for one kind of change, learnt from those that were waited for: looked at then, a change
 * costs one look. A look that came too early moves the next first one by a pause between looks, and no more, so that one
 * slow change slows no others down; from there it creeps back.
 */
export class UsualTime {
  #ms = 0
  /** The latest first look that came too early, as far as that still counts. */
  #tooEarlyMs = 0

  /** After how many milliseconds to look first: not before `leastMs`, nor after `mostMs`. */
  firstLook(leastMs: number, mostMs: number): number {
    return Math.min(Math.max(leastMs, this.#ms), mostMs)
  }

  /** Takes in that a change was seen. Those that ran at once count as one. */
  learn({ firstMs, seenMs, stepMs }: Learnt): void {
    if (seenMs > firstMs) {
      this.#ms = this.#ms === 0 ? seenMs : Math.max(this.#ms, firstMs + stepMs)
      this.#tooEarlyMs = Math.max(this.#tooEarlyMs, firstMs)
      return
    }
    const leastMs = this.#tooEarlyMs + stepMs
    if (firstMs <= leastMs)
      this.#tooEarlyMs = Math.min(this.#tooEarlyMs, Math.max(0, firstMs - stepMs * (1 + CREEPING)))
    this.#ms = Math.min(this.#ms, Math.max(this.#tooEarlyMs + stepMs, firstMs * SHRINKING))
  }
}
