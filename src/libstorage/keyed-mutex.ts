/** Lets one task at a time run per key, in the order of their asking; different keys do not wait for each other. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Runs the task when all earlier ones of this key are done, whether they succeeded or not. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve()
    const current = previous.then(task, task)
    const settled = current.then(
      () => undefined,
      () => undefined,
    )
    this.#tails.set(key, settled)
    try {
      return await current
    } finally {
      if (this.#tails.get(key) === settled) this.#tails.delete(key)
    }
  }

  /** Whether a task of this key is running or waiting. */
  isBusy(key: string): boolean {
    return this.#tails.has(key)
  }
}
