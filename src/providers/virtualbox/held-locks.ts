import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { systemCode } from '../../libstorage/errors.ts'
import { leftoverName, ownerOfLeftover } from '../../libstorage/leftover.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { isProvablyDead, type ProcessIdentity } from '../../libstorage/process-identity.ts'

/**
 * After so long without a call from its dead owner no lock means anything: its web session has ended, by default after five
 * minutes. In milliseconds.
 */
const KEPT_MS = 7 * 24 * 3_600_000

const lockSchema = z.object({
  /** Of the web service, by name and port. */
  host: z.string(),
  /** The object by which its web session is ended. */
  root: z.string(),
  /** The session object that the lock is held by. */
  session: z.string(),
})

/** A lock on a machine, by the references that end it. They mean something to whoever has them, also after their process. */
export type HeldLock = z.infer<typeof lockSchema>

/** A lock with the file that tells of it. */
export interface RecordedLock {
  readonly file: string
  readonly lock: HeldLock
}

/**
 * The locks on machines that processes of this machine hold, one file each: the service keeps a lock of a process that died
 * until it ends itself.
 */
export class HeldLocks {
  readonly #folder: string
  readonly #owner: ProcessIdentity
  readonly #warn: (message: string) => void
  /** What was told of: it is read again and again. */
  readonly #told = new Set<string>()

  /** `warn` is told once of each file that cannot be read, and stays as it is. */
  constructor(folder: string, owner: ProcessIdentity, warn: (message: string) => void) {
    this.#folder = folder
    this.#owner = owner
    this.#warn = warn
  }

  /** Resolves with the file that tells of the lock from now on. */
  async record(lock: HeldLock): Promise<string> {
    const file = path.join(this.#folder, leftoverName('lock', this.#owner))
    await makeFolder(this.#folder, 0o700)
    await writeFile(file, JSON.stringify(lock), { mode: 0o600 })
    return file
  }

  async forget(file: string): Promise<void> {
    await rm(file, { force: true })
  }

  /** The locks of processes that are dead, besides those that this process could not give back. */
  abandoned(host: string, given: ReadonlySet<string>): readonly RecordedLock[] {
    return this.#entries().flatMap(({ file, owner }) => {
      if (!(given.has(file) || isProvablyDead(owner))) return []
      const lock = this.#read(file)
      return typeof lock === 'object' && lock.host === host ? [{ file, lock }] : []
    })
  }

  /** Deletes what dead processes left that nobody gives back: what was never written whole, or is of a service of old. */
  sweep(host: string): void {
    for (const { file, owner } of this.#entries()) {
      if (!isProvablyDead(owner)) continue
      const lock = this.#read(file)
      if (lock === 'unreadable') continue
      // It is written before there is a lock.
      const isUseless = lock === 'torn' || (lock.host !== host && isOld(file))
      if (isUseless) rmSync(file, { force: true })
    }
  }

  #entries(): readonly { readonly file: string; readonly owner: ProcessIdentity }[] {
    const entries = this.#reading(this.#folder, () => readdirSync(this.#folder)) ?? []
    return entries.flatMap((entry) => {
      const owner = ownerOfLeftover(entry)
      return owner === undefined ? [] : [{ file: path.join(this.#folder, entry), owner }]
    })
  }

  #read(file: string): HeldLock | 'torn' | 'unreadable' {
    const text = this.#reading(file, () => readFileSync(file, 'utf8'))
    return text === undefined ? 'unreadable' : (lockIn(text) ?? 'torn')
  }

  /** Undefined for what is not there, or cannot be read now: that says nothing about the locks. */
  #reading<T>(what: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      const code = systemCode(error)
      if (code === undefined) throw error
      if (code === 'ENOENT' || this.#told.has(what)) return undefined
      this.#told.add(what)
      this.#warn(unreadable(what, code))
      return undefined
    }
  }
}

function isOld(file: string): boolean {
  const { mtimeMs = Number.POSITIVE_INFINITY } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return Date.now() - mtimeMs > KEPT_MS
}

function lockIn(text: string): HeldLock | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function unreadable(what: string, code: string): string {
  return `${what} cannot be read (${code}): machines that a process of this one left locked when it died may stay locked; see whether its disk is dying, or who may read it`
}
