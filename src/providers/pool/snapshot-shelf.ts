import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import { NotFoundError, systemCode } from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import type { Run } from '../../libstorage/run.ts'
import type { Snapshot, SnapshotId, SnapshotSpec } from '../../libstorage/types.ts'
import { type Pool, SNAPSHOTS_FOLDER } from './pool.ts'
import { readSmall } from './read-small.ts'
import { removeTrees } from './remove-trees.ts'
import type { StoredVolume } from './stored-volume.ts'

const RECORD_FILE = 'snapshot.json'
const FOLDER_MODE = 0o700
const ID_SHAPE = /^snap-[0-9a-f]+$/

const schema = z.object({
  id: z.string(),
  name: z.string(),
  volumeId: z.string(),
  sizeGiB: z.number().int().positive(),
  labels: z.record(z.string(), z.string()),
  createdAt: z.iso.datetime(),
})

/** Snapshots in a pool: a folder for each, which appears and disappears as a whole. */
export class SnapshotShelf {
  readonly #pool: Pool
  readonly #run: Run
  readonly #path: string

  constructor(pool: Pool, run: Run) {
    this.#pool = pool
    this.#run = run
    this.#path = join(pool.path, SNAPSHOTS_FOLDER)
  }

  /** Where the content of a snapshot lies. */
  contentOf(id: SnapshotId): string {
    return join(this.#path, id, this.#pool.content)
  }

  /** All that are readable. Sweeps away what dead processes left. */
  async list(signal?: AbortSignal): Promise<Snapshot[]> {
    const entries = await this.#pool.sweep(() => this.#entries(), this.#path, signal)
    const ids = entries.filter((entry) => ID_SHAPE.test(entry))
    const read = async () => {
      const found: (Snapshot | undefined)[] = []
      for (const id of ids) found.push(await this.#read(id))
      return found
    }
    return (await this.#pool.turn(read, signal)).filter((one) => one !== undefined)
  }

  /** The snapshot with this id. Rejects with `NotFoundError` when there is none. */
  async byId(id: SnapshotId, signal?: AbortSignal): Promise<Snapshot> {
    const found = ID_SHAPE.test(id)
      ? await this.#pool.turn(() => this.#read(id), signal)
      : undefined
    if (found === undefined) throw notFound(id)
    return found
  }

  /** Keeps what `fill` writes as a snapshot of the volume: built aside, then renamed to its place. */
  async create(
    { id: volumeId, sizeGiB }: Pick<StoredVolume, 'id' | 'sizeGiB'>,
    { name, labels }: SnapshotSpec,
    fill: (path: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Snapshot> {
    await this.list(signal)
    const id = `snap-${randomBytes(9).toString('hex').slice(0, 17)}`
    const createdAt = new Date()
    const building = join(this.#path, leftoverName('creating'))
    const record = { id, name, volumeId, sizeGiB, labels, createdAt: createdAt.toISOString() }
    try {
      await this.#pool.turn(() => this.#begin(building), signal)
      await fill(join(building, this.#pool.content))
      await this.#pool.turn(async () => {
        await writeNew(join(building, RECORD_FILE), JSON.stringify(record, undefined, 2))
        await syncFolder(building)
        await fs.rename(building, join(this.#path, id))
        await syncFolder(this.#path)
      }, signal)
    } catch (error) {
      await removeTrees(this.#run, [building])
      throw error
    }
    return { ...record, createdAt, state: 'complete' }
  }

  /** Destroys a snapshot: renamed out of sight, then deleted. Rejects with `NotFoundError` when there is none. */
  async remove(id: SnapshotId, signal: AbortSignal): Promise<void> {
    await this.byId(id, signal)
    const hidden = join(this.#path, leftoverName('removing'))
    await this.#pool.turn(async () => {
      try {
        await fs.rename(join(this.#path, id), hidden)
      } catch (error) {
        throw systemCode(error) === 'ENOENT' ? notFound(id, error) : error
      }
      await syncFolder(this.#path)
    }, signal)
    await removeTrees(this.#run, [hidden])
  }

  async #begin(building: string): Promise<void> {
    await fs.mkdir(this.#path, { recursive: true, mode: FOLDER_MODE })
    await syncFolder(this.#pool.path)
    await fs.mkdir(building, { mode: FOLDER_MODE })
  }

  async #entries(): Promise<string[]> {
    try {
      return await fs.readdir(this.#path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      // A pool that went away must not look like one without snapshots.
      await this.#pool.mustExist()
      return []
    }
  }

  async #read(id: SnapshotId): Promise<Snapshot | undefined> {
    try {
      const record = schema.parse(JSON.parse(await readSmall(join(this.#path, id, RECORD_FILE))))
      return { ...record, id, createdAt: new Date(record.createdAt), state: 'complete' }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      if (systemCode(error) !== undefined) throw error
      return damaged(id)
    }
  }
}

/** It is shown, so that it can be removed, and never copied from. */
function damaged(id: SnapshotId): Snapshot {
  const unknown = { name: '', volumeId: '', sizeGiB: 1, labels: {}, createdAt: new Date(0) }
  return { id, ...unknown, state: 'error' }
}

function notFound(id: SnapshotId, cause?: unknown): NotFoundError {
  return new NotFoundError(`snapshot ${JSON.stringify(id)}`, cause)
}
