/** Numbers that look like chance and are the same for the same seed; seed 0 always draws the least. */
export class Chance {
  #state: number
  readonly #isFlat: boolean

  constructor(seed: number) {
    this.#state = seed
    this.#isFlat = seed === 0
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return this.#isFlat ? min : min + Math.floor(this.#next() * (max - min + 1))
  }

  /** Mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
