import { systemCode } from '../libstorage/errors.ts'
import type { Logger } from '../libstorage/logger.ts'
import type { ProcessIdentity } from '../libstorage/process-identity.ts'
import { after } from '../libstorage/wait.ts'
import { isOwnedBy, removeLock } from './lock-file-system.ts'

/** How soon it is tried again to give a lock back, and how seldom at last, in milliseconds. */
const SOON_MS = 100
const SELDOM_MS = 10_000

/**
 * Locks of this process that nothing is done under any more, and that could not be given back: their directories stand with
 * a living owner, whom everybody, this process too, would wait for.
 */
export class OwedLocks {
  readonly #self: ProcessIdentity
  readonly #logger: Pick<Logger, 'info' | 'warn'>
  readonly #owners = new Map<string, string>()

  constructor(self: ProcessIdentity, logger: Pick<Logger, 'info' | 'warn'>) {
    this.#self = self
    this.#logger = logger
  }

  /** Gives a lock back that has this owner's text, now or as soon as that can be. Never throws. */
  giveBack(lock: string, owner: string): void {
    try {
      this.#remove(lock, owner)
    } catch (error) {
      if (this.#owners.get(lock) === owner) return
      this.#owners.set(lock, owner)
      const why = systemCode(error) ?? String(error)
      this.#logger.warn(
        `lock ${lock} cannot be given back (${why}), which is tried until it succeeds`,
      )
      this.#tryLater(lock, owner, SOON_MS)
    }
  }

  /** Gives a lock back if it is owed. Throws the system's error where that still cannot be. */
  settle(lock: string): void {
    const owner = this.#owners.get(lock)
    if (owner === undefined) return
    this.#remove(lock, owner)
    this.#owners.delete(lock)
    this.#logger.info(`lock ${lock} is not kept any more`)
  }

  #tryLater(lock: string, owner: string, pauseMs: number): void {
    after(pauseMs, () => {
      if (this.#owners.get(lock) !== owner) return
      try {
        this.settle(lock)
      } catch {
        this.#tryLater(lock, owner, Math.min(2 * pauseMs, SELDOM_MS))
      }
    })
  }

  /** One that was taken away meanwhile may be another's by now. Nothing of this process comes between the look and the removal. */
  #remove(lock: string, owner: string): void {
    if (isOwnedBy(lock, owner)) removeLock(lock, this.#self)
  }
}
