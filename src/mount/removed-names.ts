import { createHash } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import { recordingError } from './ledger-errors.ts'

/** How many are remembered; the oldest are forgotten first. */
const REMEMBERED = 1_000

/** The names of volumes that were removed here, so that a repeated Remove succeeds. */
export interface RemovedNames {
  has(name: string): boolean
  /** Remembers a name; of very many the oldest are forgotten. */
  add(name: string): void
}

/** Remembers each name as an empty file in one folder. */
export class RemovedNamesFolder implements RemovedNames {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    makeFolderNow(folder, 0o700)
  }

  has(name: string): boolean {
    return existsSync(this.#fileOf(name))
  }

  add(name: string): void {
    try {
      writeFileSync(this.#fileOf(name), '')
    } catch (error) {
      throw recordingError(`ledger ${this.#folder}`, error)
    }
    const all = readdirSync(this.#folder)
    if (all.length <= REMEMBERED) return
    const files = all.map((file) => path.join(this.#folder, file))
    const age = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
    const oldest = files.map((file) => ({ file, at: age(file) })).sort((a, b) => a.at - b.at)
    for (const { file } of oldest.slice(0, all.length - REMEMBERED)) rmSync(file, { force: true })
  }

  #fileOf(name: string): string {
    return path.join(this.#folder, createHash('sha256').update(name).digest('hex'))
  }
}
