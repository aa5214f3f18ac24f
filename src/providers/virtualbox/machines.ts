import { FailedPreconditionError, NotFoundError } from '../../libstorage/errors.ts'
import { KeyedMutex } from '../../libstorage/keyed-mutex.ts'
import type { InstanceState } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import { Code, hasCode, VboxFault } from './fault.ts'
import type { HeldLocks } from './held-locks.ts'
import { LeftLocks, type LockParts, unlock } from './left-locks.ts'

/** How long a machine that somebody else has locked is waited for, in milliseconds. */
const LOCK_MS = 30_000
/**
 * After so long a machine that is off is locked together with whoever has it: a lock that a web session left when it expired
 * is held until the service ends, and does no harm. In milliseconds.
 */
const ALONE_MS = 5_000
const PAUSE_MS = { least: 100, most: 2_000 }
/** How often work is begun anew that lost its lock because its true owner gave it up. */
const ROUNDS = 5
const SAVES = 3

/** A machine whose settings can be changed for as long as it is locked. */
export interface LockedMachine {
  readonly session: WebSession
  /** The changeable one; what it is told counts once it is saved. */
  readonly machine: Reference
  /** The object that holds the lock (ISession). */
  readonly lock: Reference
  readonly isOff: boolean
}

/** Finds machines and locks them, one after the other in this process. */
export class Machines {
  readonly #locks: HeldLocks
  readonly #host: string
  readonly #pace: number
  readonly #turns = new KeyedMutex()
  readonly #left: LeftLocks

  constructor(parts: LockParts) {
    this.#locks = parts.locks
    this.#host = parts.host
    this.#pace = parts.pace
    this.#left = new LeftLocks(parts)
  }

  /** Does work on a machine that is locked for it, and gives the lock back whatever comes. Once begun it is not given up. */
  async locked<T>(
    session: WebSession,
    machineId: string,
    signal: AbortSignal | undefined,
    work: (machine: LockedMachine) => Promise<T>,
  ): Promise<T> {
    return await this.#turns.run(machineId, async () => {
      const stay = await this.#left.giveBack(session)
      if (stay.has(machineId)) throw stay.get(machineId)
      for (let round = 1; ; round += 1) {
        try {
          return await this.#once(session, machineId, signal, work)
        } catch (error) {
          // It was locked together with somebody who has let go meanwhile.
          if (!hasCode(error, Code.accessDenied) || round === ROUNDS) throw error
          await sleep(pauseMs() * this.#pace, signal)
        }
      }
    })
  }

  /** Gives back the locks that nobody works under any more, with what was changed and not saved. */
  async mend(session: WebSession): Promise<void> {
    await this.#left.giveBack(session)
  }

  /** Whether no lock is left that only this web session can end; what is left is tried once more. */
  async hasLetGo(session: WebSession): Promise<boolean> {
    if (this.#left.keepsAny) await this.mend(session)
    return !this.#left.keepsAny
  }

  async #once<T>(
    session: WebSession,
    machineId: string,
    signal: AbortSignal | undefined,
    work: (machine: LockedMachine) => Promise<T>,
  ): Promise<T> {
    const found = await findMachine(session, machineId, signal)
    if (found === undefined) throw new NotFoundError(`machine ${machineId}`)
    if (found.problem !== undefined) throw inaccessible(machineId, found.problem)
    const { root } = session
    const lock = await session.call(
      'IWebsessionManager_getSessionObject',
      { refIVirtualBox: root },
      signal,
    )
    const file = await this.#locks.record({ host: this.#host, root, session: lock })
    let machine = ''
    try {
      await this.#lock(session, { ...found, lock, file }, signal)
      machine = await session.call('ISession_getMachine', { _this: lock })
      // It may have been started while the lock was waited for.
      const isOff = isOffState(await session.call('IMachine_getState', { _this: machine }))
      return await work({ session, machine, lock, isOff })
    } finally {
      if (this.#left.mayCome(file)) await this.mend(session).catch(() => {})
      else await this.#unlock(session, lock, file)
      await session.release(machine)
    }
  }

  async #lock(
    session: WebSession,
    { ref, state, lock, file }: FoundMachine & { readonly lock: Reference; readonly file: string },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const begun = performance.now()
    for (;;) {
      const waitedMs = (performance.now() - begun) / this.#pace
      const lockType = isOffState(state) && waitedMs < ALONE_MS ? 'Write' : 'Shared'
      try {
        const args = { _this: ref, session: lock, lockType }
        return await session.call('IMachine_lockMachine', args).catch(this.#expecting(file))
      } catch (error) {
        if (!hasCode(error, Code.invalidObjectState) || waitedMs > LOCK_MS) throw error
      }
      // It may be a lock of our own that came late.
      if (this.#left.anyMayCome) await this.mend(session)
      await sleep(pauseMs(waitedMs) * this.#pace, signal)
    }
  }

  /** Without an answer the machine may be locked a while later: that is given back once it is there. */
  #expecting(file: string): (error: unknown) => never {
    return (error) => {
      if (!(error instanceof VboxFault)) this.#left.expect(file)
      throw error
    }
  }

  /** What was never locked needs no unlocking; a lock that stays keeps the reference that ends it, and is given back at the next chance. */
  async #unlock(session: WebSession, lock: Reference, file: string): Promise<void> {
    try {
      await unlock(session, lock)
      await this.#locks.forget(file)
    } catch {
      this.#left.keep(file)
      return
    }
    await session.release(lock)
  }
}

/** A machine as one look saw it. */
export interface FoundMachine {
  readonly ref: Reference
  /** As VirtualBox names it: `PoweredOff`, `Running` …; empty where it cannot be read. */
  readonly state: string
  /** Why nothing can be said of it. */
  readonly problem: string | undefined
}

/** Finds a machine by its name or id; undefined where there is none. */
export async function findMachine(
  session: WebSession,
  nameOrId: string,
  signal?: AbortSignal,
): Promise<FoundMachine | undefined> {
  let ref: Reference
  try {
    const args = { _this: session.root, nameOrId }
    ref = await session.call('IVirtualBox_findMachine', args, signal)
  } catch (error) {
    if (hasCode(error, Code.objectNotFound)) return undefined
    throw error
  }
  // Asked first: after a start of the service the rest is refused until this was.
  if (!(await session.call('IMachine_getAccessible', { _this: ref }, signal)))
    return { ref, state: '', problem: 'is inaccessible' }
  return {
    ref,
    state: await session.call('IMachine_getState', { _this: ref }, signal),
    problem: undefined,
  }
}

const STATES: Readonly<Record<string, InstanceState>> = {
  PoweredOff: 'stopped',
  Saved: 'stopped',
  Teleported: 'stopped',
  Aborted: 'stopped',
  AbortedSaved: 'stopped',
  Snapshotting: 'stopped',
  RestoringSnapshot: 'stopped',
  DeletingSnapshot: 'stopped',
  SettingUp: 'stopped',
  Starting: 'pending',
  Restoring: 'pending',
  TeleportingIn: 'pending',
  Stopping: 'stopping',
  Saving: 'stopping',
}

/** How a machine stands in the words of the core: one in a state that nobody knows yet counts as running. */
export function instanceStateOf(state: string): InstanceState {
  return STATES[state] ?? 'running'
}

/** Keeps what was changed. What is not kept is lost, and the service then takes a disk for attached that no machine has. */
export async function save({ session, machine }: LockedMachine, pace: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await session.call('IMachine_saveSettings', { _this: machine })
    } catch (error) {
      if (attempt === SAVES || hasCode(error, Code.accessDenied)) throw error
      await sleep(PAUSE_MS.least * pace)
    }
  }
}

function isOffState(state: string): boolean {
  return instanceStateOf(state) === 'stopped'
}

/** Longer the longer it lasts, and never the same for two. */
function pauseMs(waitedMs = 0): number {
  const bound = Math.min(PAUSE_MS.most, PAUSE_MS.least + waitedMs / 5)
  return PAUSE_MS.least / 2 + Math.random() * bound
}

function inaccessible(machineId: string, problem: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `machine ${machineId}`,
    problem,
    remedy: 'see in VirtualBox what is wrong with it, or unregister it there',
  })
}
