import { after, type Timer } from '../libstorage/wait.ts'

/** The longest a timer takes; a longer one would end at once. */
const LONGEST_MS = 2 ** 31 - 1

/** Remembers what is to be tried later, one thing for each volume; a new one takes the place of the old. */
export class Later {
  readonly #timers = new Map<string, Timer>()
  readonly #running = new Set<Promise<void>>()
  #closed = false

  /** Does the task after so many milliseconds. The task answers for its own errors. */
  schedule(key: string, delayMs: number, task: () => Promise<void>): void {
    if (this.#closed) return
    this.cancel(key)
    const timer = after(Math.min(delayMs, LONGEST_MS), () => {
      this.#timers.delete(key)
      this.#start(task)
    })
    this.#timers.set(key, timer)
  }

  /** Whether something is going to be tried for this volume. */
  has(key: string): boolean {
    return this.#timers.has(key)
  }

  cancel(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }

  /** Forgets everything that was scheduled, and waits for what is running. */
  async close(): Promise<void> {
    this.#closed = true
    for (const key of [...this.#timers.keys()]) this.cancel(key)
    await Promise.all(this.#running)
  }

  #start(task: () => Promise<void>): void {
    const running = task().finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}
