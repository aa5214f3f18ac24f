import type { StorageDriver } from '../../src/libstorage/storage-driver.ts'
import type { Volume, VolumeQuery } from '../../src/libstorage/types.ts'

/** An eventually consistent platform: between `lag` and `catchUp` its look-ups show what was true when it began to lag. */
export class LaggingDriver {
  readonly driver: StorageDriver
  readonly #behind: StorageDriver
  #old: readonly Volume[] | undefined

  constructor(behind: StorageDriver) {
    this.#behind = behind
    this.driver = { ...behind, volumes: (query, options) => this.#volumes(query, options) }
  }

  async lag(): Promise<void> {
    this.#old = await this.#behind.volumes({ anyZone: true })
  }

  catchUp(): void {
    this.#old = undefined
  }

  async #volumes(
    query: VolumeQuery = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<readonly Volume[]> {
    const now = await this.#behind.volumes(query, options)
    return this.#old?.filter(({ name }) => query.name === undefined || name === query.name) ?? now
  }
}
