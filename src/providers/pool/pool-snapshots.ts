import type { CallOptions, SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type {
  Snapshot,
  SnapshotId,
  SnapshotQuery,
  SnapshotSpec,
  VolumeId,
} from '../../libstorage/types.ts'
import type { Copier } from './copy.ts'
import type { Pool } from './pool.ts'
import type { SnapshotShelf } from './snapshot-shelf.ts'

/** Snapshots of the volumes in a pool, kept in the same pool: they share its blocks where its file system can do that. */
export class PoolSnapshots implements SnapshotDriver {
  readonly #pool: Pool
  readonly #shelf: SnapshotShelf
  readonly #copier: Copier

  constructor(pool: Pool, shelf: SnapshotShelf, copier: Copier) {
    this.#pool = pool
    this.#shelf = shelf
    this.#copier = copier
  }

  list({ name, volumeId }: SnapshotQuery = {}, options: CallOptions = {}): Promise<Snapshot[]> {
    return this.#pool.answer(options, async (signal) => {
      const all = await this.#shelf.list(signal)
      return all.filter(
        (one) =>
          (name === undefined || one.name === name) &&
          (volumeId === undefined || one.volumeId === volumeId),
      )
    })
  }

  create(volumeId: VolumeId, spec: SnapshotSpec, options: CallOptions = {}): Promise<Snapshot> {
    return this.#pool.answer(options, async (signal) => {
      const volume = await this.#pool.byId(volumeId, signal)
      const fill = (path: string) => this.#copier.ofVolume(volumeId, path, signal)
      return await this.#shelf.create(volume, spec, fill, signal)
    })
  }

  remove(id: SnapshotId, options: CallOptions = {}): Promise<void> {
    return this.#pool.answer(options, (signal) => this.#shelf.remove(id, signal))
  }
}
