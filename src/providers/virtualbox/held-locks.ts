import { readdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { leftoverName, ownerOfLeftover } from '../../libstorage/leftover.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { isProvablyDead, type ProcessIdentity } from '../../libstorage/process-identity.ts'

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
    return entriesOf(this.#folder).flatMap((entry) => {
      const file = path.join(this.#folder, entry)
      const owner = ownerOfLeftover(entry)
      if (owner === undefined || !(given.has(file) || isProvablyDead(owner))) return []
      const lock = read(file)
      return lock?.host === host ? [{ file, lock }] : []
    })
  }
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
