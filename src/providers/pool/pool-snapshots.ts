import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CallOptions, SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type {
  Snapshot,
  SnapshotCopySpec,
  SnapshotId,
  SnapshotQuery,
  SnapshotSpec,
  VolumeId,
} from '../../libstorage/types.ts'
import type { Origin } from './origin.ts'
import type { Pool } from './pool.ts'
import type { SnapshotShelf } from './snapshot-shelf.ts'

/** Snapshots of the volumes in a pool, kept in the same pool: they share its blocks where its file system can do that. */
export class PoolSnapshots implements SnapshotDriver {
  readonly #pool: Pool
  readonly #shelf: SnapshotShelf
  readonly #origin: Origin

  constructor(pool: Pool, shelf: SnapshotShelf, origin: Origin) {
    this.#pool = pool
    this.#shelf = shelf
    this.#origin = origin
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
      const fill = (path: string) =>
        this.#origin.copy({ kind: 'volume', id: volumeId }, path, signal)
      return await this.#shelf.create(volume, spec, fill, signal)
    })
  }

  copy(id: SnapshotId, spec: SnapshotCopySpec, options: CallOptions = {}): Promise<Snapshot> {
    if (spec.region !== undefined) throw noRegions(spec.region)
    return this.#pool.answer(options, async (signal) => {
      const original = await this.#shelf.byId(id, signal)
      const fill = (path: string) => this.#origin.copy({ kind: 'snapshot', id }, path, signal)
      const source = { id: original.volumeId, sizeGiB: original.sizeGiB }
      return await this.#shelf.create(source, spec, fill, signal)
    })
  }

  remove(id: SnapshotId, options: CallOptions = {}): Promise<void> {
    return this.#pool.answer(options, (signal) => this.#shelf.remove(id, signal))
  }
}

function noRegions(region: string): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: `region "${region}"`,
    problem: 'means nothing to a pool, which lies in one place',
    remedy: 'leave it out',
  })
}
