import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { systemCode } from '../libstorage/errors.ts'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import type { VolumeId } from '../libstorage/types.ts'

/** How long a platform may not show a volume by its name, in milliseconds. */
const LAG_MS = 60_000

/** The volumes that were made on this machine a moment ago, by whatever process: a platform that lags may not show their names yet. */
export interface MadeNames {
  /** The volume that was made last under this name, if that was just now. */
  idOf(name: string): VolumeId | undefined
  /** Remembers one for a minute. Throws what the file system says. */
  add(name: string, id: VolumeId): void
}

/** Remembers each as a small file in one folder. */
export class MadeNamesFolder implements MadeNames {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    makeFolderNow(folder, 0o700)
  }

  idOf(name: string): VolumeId | undefined {
    const file = this.#fileOf(name)
    try {
      return isRecent(file) ? readFileSync(file, 'utf8') : undefined
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  add(name: string, id: VolumeId): void {
    makeFolderNow(this.#folder, 0o700)
    const files = readdirSync(this.#folder).map((file) => path.join(this.#folder, file))
    for (const file of files.filter((one) => !isRecent(one))) rmSync(file, { force: true })
    writeFileSync(this.#fileOf(name), id, { mode: 0o600 })
  }

  #fileOf(name: string): string {
    return path.join(this.#folder, createHash('sha256').update(name).digest('hex'))
  }
}

function isRecent(file: string): boolean {
  const { mtimeMs = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return Math.abs(Date.now() - mtimeMs) < LAG_MS
}
