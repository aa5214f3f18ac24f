import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { basename, join } from 'node:path'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import {
  AlreadyExistsError,
  NotFoundError,
  systemCode,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { identifySelf, type ProcessIdentity } from '../../libstorage/process-identity.ts'
import type { VolumeId, VolumeSpec } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import type { Claim } from './claim.ts'
import { each } from './each.ts'
import { inPool, poolMissing } from './errors.ts'
import { folderName } from './folder-name.ts'
import { temporaryName } from './leftover.ts'
import { isShared } from './shared.ts'
import { RECORD_FILE, readStored, type StoredVolume, type VolumeRecord } from './stored-volume.ts'
import { sweep } from './sweep.ts'

/** Volumes that are read at once: enough to keep the four threads of Node busy. */
const READ_AT_ONCE = 64
/** Everybody may pass through, for what is mounted from beneath; nobody but the owner sees the names. */
const FOLDER_MODE = 0o711

/** Writes a volume's first content into its folder, durably. */
export type MakeContent = (path: string, sizeGiB: number) => Promise<void>

/** A folder of volumes: one folder for each, which appears and disappears as a whole. Several processes may share it. */
export class Pool {
  readonly path: string
  /** The file or folder within a volume's folder that holds its content. */
  readonly #content: string
  readonly #self: ProcessIdentity = identifySelf()
  /** Where a volume was last seen, so that its id leads to it at once. Never believed without a look. */
  readonly #seen = new Map<VolumeId, { folder: string; claim?: Claim }>()

  readonly #isShared: typeof isShared

  constructor(path: string, content: string, shared: typeof isShared = isShared) {
    this.path = path
    this.#content = content
    this.#isShared = shared
  }

  /** Whether machines with another kernel may use the pool too, so that what they left is not to be judged from here. */
  isShared(): Promise<boolean> {
    return inPool(this.path, () => this.#isShared(this.path))
  }

  /** Sweeps away what dead processes left in the pool, or in a volume's folder, by its listing. */
  sweep(folder: string, entries: readonly string[]): Promise<void> {
    return sweep(folder, entries, () => this.isShared())
  }

  /** This process, as it signs what it leaves behind. */
  get owner(): ProcessIdentity {
    return this.#self
  }

  /** Makes the folder unless it is there. Its parent has to exist, unless `parents` are to be made too. */
  async open({ parents }: { readonly parents: boolean }): Promise<void> {
    await inPool(this.path, async () => {
      try {
        await fs.mkdir(this.path, { mode: FOLDER_MODE, recursive: parents })
      } catch (error) {
        if (systemCode(error) === 'ENOENT') throw poolMissing(this.path, error)
        if (systemCode(error) !== 'EEXIST' && systemCode(error) !== 'EROFS') throw error
      }
      await this.#entries()
    })
  }

  /** All volumes, by reading every folder. Sweeps away what dead processes left. */
  list(signal?: AbortSignal): Promise<StoredVolume[]> {
    return inPool(this.path, async () => {
      const entries = await this.#entries()
      await this.sweep(this.path, entries)
      const visible = entries.filter((entry) => !entry.startsWith('.'))
      const read = await each(visible, READ_AT_ONCE, (entry) => {
        throwIfAborted(signal)
        return this.#read(join(this.path, entry))
      })
      const volumes = read.filter((volume) => volume !== undefined)
      this.#forgetAllBut(volumes)
      return volumes
    })
  }

  /** The volume of this name, by one look at its folder. */
  byName(name: string): Promise<StoredVolume | undefined> {
    return inPool(this.path, async () => {
      const volume = await this.#read(join(this.path, folderName(name)))
      if (volume === undefined) await this.#mustExist()
      return volume
    })
  }

  /** The volume with this id: one look where it was seen before, else all are read. Rejects with `NotFoundError`. */
  async byId(id: VolumeId, signal?: AbortSignal): Promise<StoredVolume> {
    const seen = this.#seen.get(id)
    const there = seen && (await inPool(this.path, () => this.#read(seen.folder)))
    if (there?.id === id) return there
    const found = (await this.list(signal)).find((volume) => volume.id === id)
    if (found === undefined) throw new NotFoundError(volumeNamed(id))
    return found
  }

  /** The claim that was last seen on a volume, without touching the pool. */
  lastClaim(id: VolumeId): Claim | undefined {
    return this.#seen.get(id)?.claim
  }

  /** Makes a volume: built aside, then renamed to its place, which fails where one of that name is. */
  create(spec: VolumeSpec, make: MakeContent): Promise<StoredVolume> {
    return inPool(this.path, async () => {
      const entries = await this.#entries()
      await this.sweep(this.path, entries)
      const folder = join(this.path, folderName(spec.name))
      if (entries.includes(basename(folder))) throw this.#taken(spec.name, folder)
      const building = join(this.path, temporaryName('creating', this.#self))
      const record = newRecord(spec)
      try {
        await this.#build(building, record, make)
        await fs.rename(building, folder)
      } catch (error) {
        await fs.rm(building, { recursive: true, force: true })
        if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? ''))
          throw this.#taken(spec.name, folder, error)
        throw error
      }
      await syncFolder(this.path)
      this.#seen.set(record.id, { folder })
      return { folder, ...record }
    })
  }

  /**
   * Destroys a volume: renamed out of sight, then deleted. `mayGo` has the last word when nobody can find it any more;
   * if it rejects, the volume is put back.
   */
  remove(
    volume: StoredVolume,
    mayGo: (hidden: StoredVolume | undefined) => Promise<void>,
  ): Promise<void> {
    return inPool(this.path, async () => {
      const hidden = join(this.path, temporaryName('removing', this.#self))
      try {
        await fs.rename(volume.folder, hidden)
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
        throw new NotFoundError(volumeNamed(volume.id), error)
      }
      try {
        await mayGo(await readStored(hidden, this.#content, basename(volume.folder)))
      } catch (error) {
        await fs.rename(hidden, volume.folder)
        throw error
      }
      await syncFolder(this.path)
      this.#seen.delete(volume.id)
      await fs.rm(hidden, { recursive: true, force: true })
    })
  }

  async #build(folder: string, record: VolumeRecord, make: MakeContent): Promise<void> {
    await fs.mkdir(folder, { mode: FOLDER_MODE })
    await make(join(folder, this.#content), record.sizeGiB)
    await writeNew(join(folder, RECORD_FILE), JSON.stringify(record, undefined, 2))
    await syncFolder(folder)
  }

  async #read(folder: string): Promise<StoredVolume | undefined> {
    const volume = await readStored(folder, this.#content)
    if (volume !== undefined)
      this.#seen.set(volume.id, { folder, ...(volume.claim && { claim: volume.claim }) })
    return volume
  }

  async #entries(): Promise<string[]> {
    try {
      return await fs.readdir(this.path)
    } catch (error) {
      throw systemCode(error) === 'ENOENT' ? poolMissing(this.path, error) : error
    }
  }

  /** A pool that went away must not look like one without that volume. */
  async #mustExist(): Promise<void> {
    try {
      await fs.access(this.path)
    } catch (error) {
      throw systemCode(error) === 'ENOENT' ? poolMissing(this.path, error) : error
    }
  }

  #taken(name: string, folder: string, cause?: unknown): AlreadyExistsError {
    return new AlreadyExistsError({
      subject: volumeNamed(name),
      problem: `exists already in ${folder}`,
      remedy: 'choose another name',
      cause,
    })
  }

  #forgetAllBut(volumes: readonly StoredVolume[]): void {
    const present = new Set(volumes.map((volume) => volume.id))
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id)
  }
}

function newRecord({ name, sizeGiB, labels }: VolumeSpec): VolumeRecord {
  const id = `vol-${randomBytes(9).toString('hex').slice(0, 17)}`
  return { id, name, sizeGiB, labels, createdAt: new Date().toISOString() }
}
