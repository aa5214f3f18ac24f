import { UnavailableError } from '../../libstorage/errors.ts'
import { Turns } from '../../libstorage/turns.ts'
import { abortReason, after, throwIfAborted } from '../../libstorage/wait.ts'

/** A turn is a few calls of the file system: a pool that takes longer for one does not answer. */
const PATIENCE_MS = 10_000

/**
 * One at a time of all who use a pool, in the order of their asking. Node has four threads for the files of all: a pool
 * that hangs keeps one of them, and whoever waits for it none.
 */
export class PoolTurns {
  readonly #pool: string
  readonly #patienceMs: number
  readonly #turns = new Turns({ count: 1 })
  /** How callers are told of a failure, by the signals of their works. */
  readonly #callers = new Map<AbortSignal, (reason: Error) => void>()
  /** The signals of works that are busy otherwise. */
  readonly #apart = new Set<AbortSignal>()
  /** When the turn that is under way began, by `performance.now()`. */
  #since: number | undefined

  constructor(pool: string, patienceMs = PATIENCE_MS) {
    this.#pool = pool
    this.#patienceMs = patienceMs
  }

  /**
   * Works with the pool's files when all who asked before are done. The signal ends only the wait: what has begun is
   * never cut short. The work makes one call at a time and takes no turn itself, for which it would wait for ever.
   */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const turn = await this.#turns.take(signal)
    this.#since = performance.now()
    const watch = () =>
      after(this.#patienceMs, () => {
        this.#giveUp()
        timer = watch()
      })
    let timer = watch()
    try {
      return await work()
    } finally {
      timer.cancel()
      this.#since = undefined
      turn.end()
    }
  }

  /**
   * Answers a caller in time: with the work's result, the reason of his signal, or `UnavailableError` while the pool does
   * not answer. Then the work's own signal ends its waits; a turn that it has begun, and what must follow, go on.
   */
  async answer<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal)
    if (this.#heldMs() >= this.#patienceMs) throw this.#unanswered()
    return new Promise((resolve, reject) => {
      const own = new AbortController()
      const giveUp = (reason: Error) => {
        reject(reason)
        own.abort(reason)
      }
      const onAbort = () => giveUp(abortReason(signal))
      this.#callers.set(own.signal, giveUp)
      signal?.addEventListener('abort', onAbort, { once: true })
      work(own.signal)
        .then(resolve, reject)
        .finally(() => {
          this.#callers.delete(own.signal)
          signal?.removeEventListener('abort', onAbort)
        })
    })
  }

  /**
   * Does of a work, by its signal, what needs no turn and may take hours: a copy, which may itself be why a turn takes long.
   * Meanwhile its caller is not told that the pool does not answer.
   */
  async apart<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.#apart.add(signal)
    try {
      return await work()
    } finally {
      this.#apart.delete(signal)
    }
  }

  #giveUp(): void {
    for (const [signal, giveUp] of [...this.#callers])
      if (!this.#apart.has(signal)) giveUp(this.#unanswered())
  }

  #heldMs(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since
  }

  #unanswered(): UnavailableError {
    return new UnavailableError({
      subject: `pool ${this.#pool}`,
      problem: `does not answer for ${Math.round(this.#heldMs() / 1000)} s`,
      remedy: 'see whether its disk hangs',
    })
  }
}
