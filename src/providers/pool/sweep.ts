import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isStorageError, systemCode } from '../../libstorage/errors.ts'
import { ownerOfLeftover, saySwept } from '../../libstorage/leftover.ts'
import { type Logger, silentLogger } from '../../libstorage/logger.ts'
import { isProvablyDead, readBootId } from '../../libstorage/process-identity.ts'
import type { Run } from '../../libstorage/run.ts'
import { after } from '../../libstorage/wait.ts'
import { removeTrees } from './remove-trees.ts'
import type { StoredVolume } from './stored-volume.ts'

/** How old a leftover must be where its owner may live under another kernel; nothing we do takes nearly so long. */
const ABANDONED_AFTER_MS = 86_400_000

/** How many leftovers one rm deletes: a command line has a limited length. */
const AT_ONCE = 1000
/** How long a caller waits for the deletion; a longer one goes on by itself. */
const WAIT_MS = 5_000

/** Deletes leftovers, each by one child at a time. */
export class Sweeper {
  readonly #run: Run
  readonly #logger: Pick<Logger, 'info'>
  readonly #looksOnly: boolean
  readonly #going = new Set<string>()

  /** Whoever only looks leaves all of it. */
  constructor(run: Run, logger: Pick<Logger, 'info'> = silentLogger, looksOnly = false) {
    this.#run = run
    this.#looksOnly = looksOnly
    this.#logger = logger
  }

  /** Deletes these paths. What cannot be deleted stays for the next time. */
  async sweep(paths: readonly string[]): Promise<void> {
    const left = paths.filter((path) => !this.#going.has(path)).slice(0, AT_ONCE)
    if (left.length === 0 || this.#looksOnly) return
    const enough = new Promise<void>((resolve) => void after(WAIT_MS, resolve))
    await Promise.race([this.#delete(left), enough])
  }

  async #delete(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#going.add(path)
    try {
      await removeTrees(this.#run, paths)
      for (const path of paths) saySwept(this.#logger, path)
    } catch (error) {
      if (!isStorageError(error)) throw error
    } finally {
      for (const path of paths) this.#going.delete(path)
    }
  }
}

/** The paths of what dead processes left in a folder, by its listing. */
export async function abandoned(
  folder: string,
  entries: readonly string[],
  isShared: () => Promise<boolean>,
): Promise<string[]> {
  const paths: string[] = []
  for (const entry of entries) {
    try {
      if (await isAbandoned(folder, entry, isShared)) paths.push(join(folder, entry))
    } catch (error) {
      // Another process may have swept it away meanwhile.
      if (systemCode(error) === undefined) throw error
    }
  }
  return paths
}

/** The paths of what dead processes left in the folders of volumes. */
export async function abandonedIn(
  volumes: readonly Pick<StoredVolume, 'folder' | 'hidden'>[],
  isShared: () => Promise<boolean>,
): Promise<string[]> {
  const paths: string[] = []
  for (const { folder, hidden = [] } of volumes)
    paths.push(...(await abandoned(folder, hidden, isShared)))
  return paths
}

async function isAbandoned(
  folder: string,
  entry: string,
  isShared: () => Promise<boolean>,
): Promise<boolean> {
  const owner = ownerOfLeftover(entry)
  if (owner === undefined || !isProvablyDead(owner)) return false
  if (owner.bootId === readBootId() || !(await isShared())) return true
  const { mtimeMs } = await stat(join(folder, entry))
  return Date.now() - mtimeMs > ABANDONED_AFTER_MS
}
