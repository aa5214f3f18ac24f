import { isStorageError } from './errors.ts'

/** Whether an error says that the platform could not answer, rather than what its answer is. */
export function isOutage(error: unknown): boolean {
  return isStorageError(error) && (error.code === 'ERR_UNAVAILABLE' || error.code === 'ERR_TIMEOUT')
}

/** Knows from the answers to all calls whether a platform can be reached, and tells when it can again. */
export class Outage {
  readonly #listeners: (() => void)[] = []
  #isOut = false

  /** Calls back each time the platform answers again after it did not. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** A call was answered, be it by a refusal. */
  answered(): void {
    if (!this.#isOut) return
    this.#isOut = false
    for (const listener of this.#listeners) listener()
  }

  failed(error: unknown): void {
    if (isOutage(error)) this.#isOut = true
    else if (isStorageError(error) && error.code !== 'ERR_ABORTED') this.answered()
  }
}
