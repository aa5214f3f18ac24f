import { after, type Timer } from '../../../src/libstorage/wait.ts'

/** The time of a simulated region, with what will happen in it. A test may let hours pass at once. */
export class Clock {
  readonly #timers = new Set<Timer>()
  #offsetMs = 0
  #isClosed = false

  now(): number {
    return Date.now() + this.#offsetMs
  }

  /** Lets time pass for what looks at the clock; what is under way takes its time as before. */
  advance(ms: number): void {
    this.#offsetMs += ms
  }

  /** Calls back after so many milliseconds, unless the region ends before. */
  after(ms: number, callback: () => void): void {
    if (this.#isClosed) return
    const timer = after(ms, () => {
      this.#timers.delete(timer)
      callback()
    })
    this.#timers.add(timer)
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}
