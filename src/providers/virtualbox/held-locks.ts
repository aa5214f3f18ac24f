import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
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

  constructor(folder: string, owner: ProcessIdentity) {
    this.#folder = folder
    this.#owner = owner
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
      const lock = read(file)
      return lock?.host === host ? [{ file, lock }] : []
    })
  }

  /** Deletes what dead processes left that nobody gives back: what was never written whole, or is of a service of old. */
  sweep(host: string): void {
    for (const { file, owner } of this.#entries()) {
      if (!isProvablyDead(owner)) continue
      const lock = read(file)
      // It is written before there is a lock.
      const isUseless = lock === undefined || (lock.host !== host && isOld(file))
      if (isUseless) rmSync(file, { force: true })
    }
  }

  #entries(): readonly { readonly file: string; readonly owner: ProcessIdentity }[] {
    return entriesOf(this.#folder).flatMap((entry) => {
      const owner = ownerOfLeftover(entry)
      return owner === undefined ? [] : [{ file: path.join(this.#folder, entry), owner }]
    })
  }
}

function isOld(file: string): boolean {
  const { mtimeMs = Number.POSITIVE_INFINITY } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return Date.now() - mtimeMs > KEPT_MS
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(file: string): HeldLock | undefined {
  try {
    return lockSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
  } catch {
    return undefined
  }
}
