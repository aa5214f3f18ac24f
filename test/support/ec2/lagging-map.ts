import type { Clock } from './clock.ts'

interface Version<T> {
  readonly at: number
  readonly value: T | undefined
}

/** Keeps what is and what was: who looks sees it as it was a while ago. */
export class LaggingMap<T> {
  readonly #versions = new Map<string, Version<T>[]>()
  readonly #clock: Clock
  readonly #lagMs: number

  constructor(clock: Clock, lagMs: number) {
    this.#clock = clock
    this.#lagMs = lagMs
  }

  set(id: string, value: T | undefined): void {
    const versions = this.#versions.get(id) ?? []
    this.#versions.set(id, [...versions, { at: this.#clock.now(), value }])
  }

  /** As it is. */
  get(id: string): T | undefined {
    return this.#versions.get(id)?.at(-1)?.value
  }

  /** All that are. */
  all(): T[] {
    return [...this.#versions.keys()].flatMap((id) => {
      const value = this.get(id)
      return value === undefined ? [] : [value]
    })
  }

  /** All as a look-up shows them. */
  seen(): T[] {
    const until = this.#clock.now() - this.#lagMs
    return [...this.#versions.values()].flatMap((versions) => {
      const value = versions.findLast(({ at }) => at <= until)?.value
      return value === undefined ? [] : [value]
    })
  }
}
