import { randomBytes } from 'node:crypto'
import { access, link, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import { isStorageError, systemCode, UnavailableError } from '../../libstorage/errors.ts'
import { leftoverName, sweepLeftovers } from '../../libstorage/leftover.ts'
import type { Logger } from '../../libstorage/logger.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { poolBare, poolMissing, poolOther } from './errors.ts'
import { readSmall } from './read-small.ts'
import { RECORD_FILE } from './stored-volume.ts'

/** The file in a pool that tells it from the bare folder on which its disk is to be mounted. */
export const MARK_FILE = '.pool'
const MARK =
  'Volumes lie in this folder. Without this file it may be taken for a disk that is not mounted.\n'
/** The line by which a pool is told from every other, in its mark and in the memory of a machine. */
const IDENTITY = /^Pool ([0-9a-f]{16})$/m

/** How a mark is looked after. */
export interface PoolMarkOptions {
  /** Told of a pool that may not be mounted yet. */
  readonly logger?: Pick<Logger, 'warn'> | undefined
  /** Makes no mark and remembers nothing. */
  readonly looksOnly?: boolean
}

/**
 * Knows a pool again that has had volumes: where its disk is not mounted, its folder looks like a pool that is empty. The
 * pool has a mark, and this machine a memory of having seen it.
 */
export class PoolMark {
  readonly #pool: string
  readonly #memory: string
  readonly #logger: Pick<Logger, 'warn'> | undefined
  readonly #looksOnly: boolean
  #isRemembered = false
  #isSame = false

  /** `memory` is a file beneath the library folder; it is there once this machine has seen the pool with its mark. */
  constructor(pool: string, memory: string, { logger, looksOnly = false }: PoolMarkOptions = {}) {
    this.#pool = pool
    this.#memory = memory
    this.#logger = logger
    this.#looksOnly = looksOnly
  }

  /** Rejects with `UnavailableError` where the pool had volumes once, and by these names of all in it is a bare folder. */
  async check(entries: readonly string[]): Promise<void> {
    if (entries.includes(MARK_FILE)) {
      await this.requireSame()
      return await this.#remember()
    }
    // An earlier version made no mark, and whoever moves volumes to another disk may leave hidden files behind.
    for (const entry of entries)
      if (!entry.startsWith('.') && (await isThere(join(this.#pool, entry, RECORD_FILE))))
        return await this.#makeUp()
    if (await isThere(this.#memory)) throw poolBare(this.#pool, this.#memory)
  }

  /**
   * Where a look at the pool that is opened finds a bare folder, its disk may be mounted later: that is said here, and by
   * each call until then. Rejects with what is something else.
   */
  async noteBare(look: Promise<unknown>): Promise<void> {
    try {
      await look
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error
      this.#logger?.warn(error.message)
    }
  }

  /** Rejects with why a pool cannot be listed. Whoever only looks finds one empty that no start has made yet. */
  async missing(cause: unknown): Promise<string[]> {
    if (systemCode(cause) !== 'ENOENT') throw cause
    if (this.#looksOnly && !(await isThere(this.#memory))) return []
    throw poolMissing(this.#pool, cause)
  }

  /**
   * Rejects with `FailedPreconditionError` where this is another pool than the one that this machine has seen at this place:
   * a volume of it may have the name of one that lies in the other. Looks until it has seen a mark: a disk may be mounted late.
   */
  async requireSame(): Promise<void> {
    if (this.#isSame) return
    const [found, known] = await Promise.all([
      identityIn(join(this.#pool, MARK_FILE)),
      identityIn(this.#memory),
    ])
    if (found && known && found !== known) throw poolOther(this.#pool, this.#memory)
    this.#isSame = found !== undefined
  }

  /** Whether the mark is there; one look, for whoever found nothing else. */
  isMarked(): Promise<boolean> {
    return isThere(join(this.#pool, MARK_FILE))
  }

  /** Marks the pool before it has its first volume. */
  async make(): Promise<void> {
    const mark = join(this.#pool, MARK_FILE)
    // Whoever moved the pool and lost its mark on the way has the same pool.
    const identity = (await identityIn(this.#memory)) || randomBytes(8).toString('hex')
    if (await writtenNew(mark, `${MARK}Pool ${identity}\n`)) await syncFolder(this.#pool)
    await this.#remember()
  }

  /** Marks a pool that has volumes and no mark; where it cannot be written, it is tried again by the next look. */
  async #makeUp(): Promise<void> {
    if (this.#looksOnly) return
    try {
      await this.make()
    } catch (error) {
      if (!isStorageError(error) && systemCode(error) === undefined) throw error
    }
  }

  /** Where that cannot be written the pool is as good as before, and it is tried again. */
  async #remember(): Promise<void> {
    if (this.#isRemembered || this.#looksOnly) return
    try {
      await makeFolder(dirname(this.#memory), 0o700)
      sweepLeftovers(dirname(this.#memory))
      const identity = await identityIn(join(this.#pool, MARK_FILE))
      const line = identity ? `Pool ${identity}\n` : ''
      await writtenNew(this.#memory, `${this.#pool}\n${line}`)
      this.#isRemembered = true
    } catch (error) {
      if (!isStorageError(error) && systemCode(error) === undefined) throw error
    }
  }
}

/** Which pool a mark or a memory is of; empty where an earlier version wrote it, undefined where it is not there. */
async function identityIn(file: string): Promise<string | undefined> {
  try {
    return IDENTITY.exec(await readSmall(file))?.[1] ?? ''
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

/** Makes a file, whole or not at all, unless there is one; whether there was none. */
async function writtenNew(file: string, text: string): Promise<boolean> {
  const written = join(dirname(file), leftoverName('marking'))
  try {
    await writeNew(written, text)
    await link(written, file)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(written, { force: true })
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
