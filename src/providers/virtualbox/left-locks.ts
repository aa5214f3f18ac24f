import { TimeoutError } from '../../libstorage/errors.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode, isFault, VboxFault } from './fault.ts'
import type { HeldLock, HeldLocks, RecordedLock } from './held-locks.ts'

/** How long a lock whose answer was lost may still come, in milliseconds: until then it is looked for. */
const LATE_MS = 600_000

/** What locks on machines are taken and given back with. */
export interface LockParts {
  readonly locks: HeldLocks
  /** Of the web service, by name and port. */
  readonly host: string
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** Told once of each lock that cannot be given back. */
  readonly warn: (message: string) => void
}

/** The locks on machines that nobody works under any more: those of processes that died, and those that could not be ended. */
export class LeftLocks {
  readonly #locks: HeldLocks
  readonly #host: string
  readonly #pace: number
  readonly #warn: (message: string) => void
  /** The files of locks that this process could not give back. */
  readonly #stuck = new Set<string>()
  /** Those of them that may be yet to come, with the time until which they may. */
  readonly #late = new Map<string, number>()
  /** The files of locks that were told of. */
  readonly #told = new Set<string>()

  constructor(parts: LockParts) {
    this.#locks = parts.locks
    this.#host = parts.host
    this.#pace = parts.pace
    this.#warn = parts.warn
  }

  /** Notes a lock that could not be ended: that is tried again. */
  keep(file: string): void {
    this.#stuck.add(file)
  }

  /** Notes a lock that was asked for without an answer: the machine may be locked a while later. */
  expect(file: string): void {
    this.#stuck.add(file)
    this.#late.set(file, performance.now() + LATE_MS * this.#pace)
  }

  /** Whether there are any that this process could not give back. */
  get keepsAny(): boolean {
    return this.#stuck.size > 0
  }

  /** Whether this lock may be yet to come. */
  mayCome(file: string): boolean {
    return this.#late.has(file)
  }

  /** Whether any may. */
  get anyMayCome(): boolean {
    return this.#late.size > 0
  }

  /**
   * Gives back the locks that are there, with what was changed under them and not saved. Resolves with the machines that
   * stay locked because they cannot be saved, and why.
   */
  async giveBack(session: WebSession): Promise<ReadonlyMap<string, unknown>> {
    const stay = new Map<string, unknown>()
    this.#locks.sweep(this.#host)
    for (const one of this.#locks.abandoned(this.#host, this.#stuck)) {
      try {
        await this.#giveBackOne(session, one)
      } catch (error) {
        if (!(error instanceof VboxFault || error instanceof TimeoutError)) throw error
        const machineId = await lockedBy(session, one.lock)
        if (machineId === undefined) continue
        stay.set(machineId, error)
        this.#tell(one.file, machineId, error)
      }
    }
    return stay
  }

  async #giveBackOne(session: WebSession, { file, lock }: RecordedLock): Promise<void> {
    const outcome = await giveBack(session, lock.session)
    if (outcome === 'not locked' && (this.#late.get(file) ?? 0) > performance.now()) return
    this.#stuck.delete(file)
    this.#late.delete(file)
    await this.#locks.forget(file)
    if (lock.root === session.root || this.#isNeeded(lock.root))
      return await session.release(lock.session)
    await session.call('IWebsessionManager_logoff', { refIVirtualBox: lock.root }).catch(() => {})
  }

  /** Whether another lock that was left needs this web session: with it would go the reference that ends the lock. */
  #isNeeded(root: Reference): boolean {
    const left = this.#locks.abandoned(this.#host, this.#stuck)
    return left.some(({ lock }) => lock.root === root)
  }

  #tell(file: string, machineId: string, error: Error): void {
    if (this.#told.has(file)) return
    this.#told.add(file)
    this.#warn(
      `machine ${machineId} stays locked by work that was cut short and cannot be saved (${error.message}): nothing is attached to it or detached from it until that can be done`,
    )
  }
}

/** Saves what was changed under a lock that may be nobody's any more, and ends it. */
async function giveBack(
  session: WebSession,
  lock: Reference,
): Promise<'given back' | 'not locked' | 'gone'> {
  try {
    if ((await session.call('ISession_getState', { _this: lock })) !== 'Locked') return 'not locked'
    const machine = await session.call('ISession_getMachine', { _this: lock })
    await session.call('IMachine_saveSettings', { _this: machine })
    await unlock(session, lock)
    return 'given back'
  } catch (error) {
    // With its web session the reference is gone.
    if (!isFault(error, 'invalid-object') && !hasCode(error, Code.accessDenied)) throw error
    return 'gone'
  }
}

/** The machine that a lock is on; undefined where nobody can say. */
async function lockedBy(session: WebSession, lock: HeldLock): Promise<string | undefined> {
  try {
    const _this = await session.call('ISession_getMachine', { _this: lock.session })
    return await session.call('IMachine_getId', { _this })
  } catch {
    return undefined
  }
}

/** Ends a lock; one that has ended already is as good. */
export async function unlock(session: WebSession, lock: Reference): Promise<void> {
  try {
    await session.call('ISession_unlockMachine', { _this: lock })
  } catch (error) {
    const isUnlocked = hasCode(error, Code.unexpected, Code.accessDenied)
    if (!isUnlocked && !isFault(error, 'invalid-object')) throw error
  }
}
