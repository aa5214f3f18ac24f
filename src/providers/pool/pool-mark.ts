import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import { isStorageError, systemCode } from '../../libstorage/errors.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { poolBare } from './errors.ts'
import { RECORD_FILE } from './stored-volume.ts'

/** The file in a pool that tells it from the bare folder on which its disk is to be mounted. */
export const MARK_FILE = '.pool'
const MARK =
  'Volumes lie in this folder. Without this file it may be taken for a disk that is not mounted.\n'

/**
 * Knows a pool again that has had volumes: where its disk is not mounted, its folder looks like a pool that is empty. The
 * pool has a mark, and this machine a memory of having seen it.
 */
export class PoolMark {
  readonly #pool: string
  readonly #memory: string
  #isRemembered = false

  /** `memory` is a file beneath the library folder; it is there once this machine has seen the pool with its mark. */
  constructor(pool: string, memory: string) {
    this.#pool = pool
    this.#memory = memory
  }

  /** Rejects with `UnavailableError` where the pool had volumes once, and by these names of all in it is a bare folder. */
  async check(entries: readonly string[]): Promise<void> {
    if (entries.includes(MARK_FILE)) return await this.#remember()
    if (!(await isThere(this.#memory))) return
    // Whoever moves volumes to another disk may leave hidden files behind.
    for (const entry of entries)
      if (!entry.startsWith('.') && (await isThere(join(this.#pool, entry, RECORD_FILE)))) return
    throw poolBare(this.#pool, this.#memory)
  }

  /** Whether the mark is there; one look, for whoever found nothing else. */
  isMarked(): Promise<boolean> {
    return isThere(join(this.#pool, MARK_FILE))
  }

  /** Marks the pool before it has its first volume. */
  async make(): Promise<void> {
    if (await writtenNew(join(this.#pool, MARK_FILE), MARK)) await syncFolder(this.#pool)
    await this.#remember()
  }

  /** Where that cannot be written the pool is as good as before, and it is tried again. */
  async #remember(): Promise<void> {
    if (this.#isRemembered) return
    try {
      await makeFolder(dirname(this.#memory), 0o700)
      await writtenNew(this.#memory, `${this.#pool}\n`)
      this.#isRemembered = true
    } catch (error) {
      if (!isStorageError(error) && systemCode(error) === undefined) throw error
    }
  }
}

/** Writes a file unless there is one; whether there was none. */
async function writtenNew(file: string, text: string): Promise<boolean> {
  try {
    await writeNew(file, text)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return false
    throw error
  }
}
