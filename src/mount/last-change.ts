import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isStorageError, systemCode } from '../libstorage/errors.ts'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import type { IntegrationDriver } from './integration-driver.ts'
import { recordingError } from './ledger-errors.ts'

/** How the server of this machine learns that what it remembers is out of date. */
export interface LastChange {
  /** A word that is another one after each change that a command has made; empty before the first. */
  read(): string
  /** Throws a `StorageError` where that cannot be written. */
  note(): void
}

/** The last change of a command, as a small file in the run directory, which is made when it is missing. */
export class LastChangeFile implements LastChange {
  readonly #file: string

  constructor(runDirectory: string) {
    this.#file = path.join(runDirectory, 'last-change')
  }

  read(): string {
    try {
      return readFileSync(this.#file, 'utf8')
    } catch (error) {
      // Whatever cannot be read may have changed.
      return systemCode(error) === 'ENOENT' ? '' : randomUUID()
    }
  }

  note(): void {
    try {
      makeFolderNow(path.dirname(this.#file))
      writeFileSync(this.#file, randomUUID(), { mode: 0o600 })
    } catch (error) {
      throw recordingError(this.#file, error)
    }
  }
}

/** What has been done is no failure for that; a file that could only be emptied says as much. */
function noteAnyway(last: LastChange): void {
  try {
    last.note()
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
}

/**
 * The volumes of a service, for a command: what changes them is noted before it begins, so that it counts if the command
 * dies in between, and when it has ended.
 */
export function announced(volumes: IntegrationDriver, last: LastChange): IntegrationDriver {
  const change = async <T>(work: () => Promise<T>): Promise<T> => {
    last.note()
    try {
      return await work()
    } finally {
      noteAnyway(last)
    }
  }
  return {
    scope: volumes.scope,
    create: (...given) => change(() => volumes.create(...given)),
    createNew: (...given) => change(() => volumes.createNew(...given)),
    remove: (...given) => change(() => volumes.remove(...given)),
    resize: (...given) => change(() => volumes.resize(...given)),
    snapshots: (...given) => volumes.snapshots(...given),
    createSnapshot: (...given) => volumes.createSnapshot(...given),
    copySnapshot: (...given) => volumes.copySnapshot(...given),
    removeSnapshot: (...given) => volumes.removeSnapshot(...given),
    mount: (...given) => change(() => volumes.mount(...given)),
    unmount: (...given) => change(() => volumes.unmount(...given)),
    attach: (...given) => change(() => volumes.attach(...given)),
    detach: (...given) => change(() => volumes.detach(...given)),
    path: (...given) => volumes.path(...given),
    get: (...given) => volumes.get(...given),
    list: (...given) => volumes.list(...given),
  }
}
