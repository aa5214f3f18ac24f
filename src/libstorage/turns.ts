import { abortReason, after, throwIfAborted } from './wait.ts'

/** How many may be at it at once, and how long one counts as being at it. */
export interface TurnsOptions {
  readonly count: number
  /** A longer turn ends by itself, where this is given, so that whoever only waits keeps nobody else from beginning. */
  readonly turnMs?: number
}

/** A turn that has begun. */
export interface Turn {
  /** Lets the next one begin; a second time does nothing. */
  end(): void
}

/** Lets a number of callers begin at once, and all others in the order in which they came. */
export class Turns {
  readonly #turnMs: number | undefined
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor({ count, turnMs }: TurnsOptions) {
    this.#free = count
    this.#turnMs = turnMs
  }

  /** Resolves when the caller's turn begins. Rejects with the signal's reason as soon as that is aborted. */
  async take(signal?: AbortSignal): Promise<Turn> {
    throwIfAborted(signal)
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(signal)
    return this.#begin()
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = () => {
        this.#waiting.delete(begin)
        reject(abortReason(signal))
      }
      this.#waiting.add(begin)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #begin(): Turn {
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      timer?.cancel()
      this.#next()
    }
    const timer = this.#turnMs === undefined ? undefined : after(this.#turnMs, end)
    return { end }
  }

  #next(): void {
    const [begin] = this.#waiting
    if (begin === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(begin)
    begin()
  }
}
