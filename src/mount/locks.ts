import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import lockfile from 'proper-lockfile'
import * as z from 'zod'
import { FailedPreconditionError, systemCode, TimeoutError } from '../libstorage/errors.ts'
import { saySwept, sweepLeftovers } from '../libstorage/leftover.ts'
import { type Logger, silentLogger } from '../libstorage/logger.ts'
import { makeFolder } from '../libstorage/make-folder.ts'
import {
  identifySelf,
  isProvablyDead,
  type ProcessIdentity,
  processIdentitySchema,
} from '../libstorage/process-identity.ts'
import { startProcess } from '../libstorage/start-process.ts'
import { abortReason, sleep } from '../libstorage/wait.ts'
import { recordingError } from './ledger-errors.ts'
import { isOwnedBy, lockFileSystem, OWNER_FILE, removeLock } from './lock-file-system.ts'
import { OwedLocks } from './owed-locks.ts'

/**
 * The library's own judgement of staleness hangs on file times, which a jump of the clock makes lie; it is switched
 * off, and only an owner that is provably dead loses its lock.
 */
const NEVER_STALE_MS = Number.MAX_SAFE_INTEGER
/** How often the library looks whether the lock is still ours. */
const UPDATE_MS = 10_000
const RETRY_MS = 50
const LOCK_SUFFIX = '.lock'

/** The lock that the one server of a home holds, in its run directory. */
export const SERVER_LOCK = 'server'

/** A lock that is held until it is released or this process dies. */
export interface HeldLock {
  /** Aborted some seconds after the lock was taken away from outside. */
  readonly lost: AbortSignal
  /** Looks whether the lock is still ours. Throws a `FailedPreconditionError` when it was taken away from outside. */
  assertHeld(): void
  /** Gives it back, now or as soon as that can be: what was done under it is done, so that this never rejects. */
  release(): Promise<void>
}

/** Who has a lock, and for what. */
export interface LockOwner {
  readonly process: ProcessIdentity
  /** What the lock is held for, as a clause: `serves volumes`. */
  readonly purpose: string
}

const ownerSchema = z.object({ process: processIdentitySchema, purpose: z.string() })

/** Locks that exclude each other across the processes of a machine. */
export interface Locks {
  /** Waits for the lock until the signal ends; then rejects with a sentence that names the owner. */
  acquire(name: string, purpose: string, signal?: AbortSignal): Promise<HeldLock>
  /** Removes the locks of dead owners; nobody may ever want some of them again, as that of a volume that was removed. */
  sweep(): Promise<void>
}

/** Locks as a directory each, whose owner is written inside it. */
export class ProcessLocks implements Locks {
  readonly #directory: string
  readonly #logger: Pick<Logger, 'info' | 'warn'>
  readonly #self: ProcessIdentity
  readonly #owed: OwedLocks

  /** The directory lies on a file system that is emptied at boot, and is made when it is missing. */
  constructor(directory: string, logger: Pick<Logger, 'info' | 'warn'> = silentLogger) {
    this.#directory = directory
    this.#logger = logger
    this.#self = identifySelf()
    this.#owed = new OwedLocks(this.#self, logger)
    if (fs.existsSync(directory)) sweepLeftovers(directory, logger)
  }

  async acquire(name: string, purpose: string, signal?: AbortSignal): Promise<HeldLock> {
    for (;;) {
      const taken = await this.tryAcquire(name, purpose)
      if (!('owner' in taken)) return taken
      try {
        await sleep(RETRY_MS, signal)
      } catch {
        throw stillLocked(name, taken.owner, signal)
      }
    }
  }

  /** Takes the lock, or says at once who has it. */
  async tryAcquire(
    name: string,
    purpose: string,
  ): Promise<HeldLock | { owner: LockOwner | undefined }> {
    await makeFolder(this.#directory, 0o700)
    this.#settle(name)
    const taken = await this.#take(name, purpose)
    if (taken !== undefined) return taken
    const present = await this.#look(name)
    if (present === 'gone') return await this.#takeOrTell(name, purpose)
    if (present !== 'abandoned') return { owner: present }
    return await this.#serialised(async () => {
      // Nobody but a replacer touches an abandoned lock, so that it is still abandoned when it is removed.
      if ((await this.#look(name)) === 'abandoned') this.#takeAway(name)
      return await this.#takeOrTell(name, purpose)
    })
  }

  /** Who has the lock now; undefined where nobody alive does. */
  ownerOf(name: string): Promise<LockOwner | undefined> {
    return ownerOfLock(this.#directory, name)
  }

  async sweep(): Promise<void> {
    if (!fs.existsSync(this.#directory)) return
    const locks = fs.readdirSync(this.#directory).filter((entry) => entry.endsWith(LOCK_SUFFIX))
    for (const name of locks.map((entry) => entry.slice(0, -LOCK_SUFFIX.length))) {
      if ((await this.#look(name)) !== 'abandoned') continue
      await this.#serialised(async () => {
        if ((await this.#look(name)) === 'abandoned') this.#takeAway(name)
      })
    }
  }

  #settle(name: string): void {
    try {
      this.#owed.settle(this.#pathOf(name))
    } catch (error) {
      throw recordingError(`run directory ${this.#directory}`, error)
    }
  }

  #takeAway(name: string): void {
    removeLock(this.#pathOf(name), this.#self)
    saySwept(this.#logger, `lock ${this.#pathOf(name)}`)
  }

  async #takeOrTell(
    name: string,
    purpose: string,
  ): Promise<HeldLock | { owner: LockOwner | undefined }> {
    const taken = await this.#take(name, purpose)
    if (taken !== undefined) return taken
    const present = await this.#look(name)
    return { owner: typeof present === 'string' ? undefined : present }
  }

  async #take(name: string, purpose: string): Promise<HeldLock | undefined> {
    const lost = new AbortController()
    const lock = this.#pathOf(name)
    const owner: LockOwner = { process: this.#self, purpose }
    // Another lock of the same process for the same purpose is another lock.
    const text = JSON.stringify({ ...owner, token: randomUUID() })
    const assertHeld = () => {
      if (!isOwnedBy(lock, text)) lost.abort(lockLost(name, undefined))
      if (lost.signal.aborted) throw lost.signal.reason
    }
    const giveBack = () => this.#owed.giveBack(lock, text)
    try {
      const release = await lockfile.lock(path.join(this.#directory, name), {
        lockfilePath: lock,
        realpath: false,
        stale: NEVER_STALE_MS,
        update: UPDATE_MS,
        fs: lockFileSystem(text, this.#self, giveBack),
        onCompromised: (cause) => lost.abort(lockLost(name, cause)),
      })
      // The library gives nothing back that it holds for lost.
      return { lost: lost.signal, assertHeld, release: () => release().catch(giveBack) }
    } catch (error) {
      if (systemCode(error) === 'ELOCKED') return undefined
      throw recordingError(`run directory ${this.#directory}`, error)
    }
  }

  #look(name: string): Promise<LockOwner | 'gone' | 'abandoned'> {
    return lookAt(this.#pathOf(name))
  }

  /** Between judging an owner dead and replacing its lock, another process could have done both. */
  async #serialised<T>(work: () => Promise<T>): Promise<T> {
    const words = [path.join(this.#directory, '.replacing'), 'sh', '-c', 'echo held; cat']
    const gate = startProcess('flock', words, { stdio: ['pipe', 'pipe', 'ignore'] })
    gate.stdin?.on('error', () => {})
    try {
      await new Promise((resolve, reject) => {
        gate.stdout?.once('data', resolve)
        gate.once('error', reject)
        gate.once('exit', () => reject(new Error(`flock ended before it held ${this.#directory}`)))
      })
      return await work()
    } finally {
      gate.stdin?.end()
    }
  }

  #pathOf(name: string): string {
    return pathOf(this.#directory, name)
  }
}

/** Who has a lock in this directory now, by a look alone; undefined where nobody alive does. */
export async function ownerOfLock(directory: string, name: string): Promise<LockOwner | undefined> {
  const present = await lookAt(pathOf(directory, name))
  return typeof present === 'string' ? undefined : present
}

function pathOf(directory: string, name: string): string {
  return path.join(directory, `${name}${LOCK_SUFFIX}`)
}

/** Who has the lock: `gone` when it was given back just now, `abandoned` when its owner is dead or cannot be told. */
async function lookAt(lock: string): Promise<LockOwner | 'gone' | 'abandoned'> {
  let text: string
  try {
    text = await readFile(path.join(lock, OWNER_FILE), 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'gone'
    throw error
  }
  const owner = readOwner(text)
  return owner === undefined || isProvablyDead(owner.process) ? 'abandoned' : owner
}

function readOwner(text: string): LockOwner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function stillLocked(
  name: string,
  owner: LockOwner | undefined,
  signal: AbortSignal | undefined,
): Error {
  const reason = abortReason(signal)
  if (!(reason instanceof TimeoutError)) return reason
  const who =
    owner === undefined ? 'another process' : `process ${owner.process.pid}, which ${owner.purpose}`
  return new FailedPreconditionError({
    subject: `lock ${name}`,
    problem: `is held by ${who}`,
    remedy: 'wait for it and try again',
    cause: reason,
  })
}

function lockLost(name: string, cause: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `lock ${name}`,
    problem: 'was taken away while it was held',
    remedy: 'let nobody remove files from the run directory, and try again',
    cause,
  })
}
