import * as fs from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder, writeNew } from '../../libstorage/durable-file.ts'
import {
  AlreadyExistsError,
  NotFoundError,
  systemCode,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import type { Logger } from '../../libstorage/logger.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { identifySelf, type ProcessIdentity } from '../../libstorage/process-identity.ts'
import type { Run } from '../../libstorage/run.ts'
import type { CallOptions } from '../../libstorage/storage-driver.ts'
import type { VolumeId, VolumeSpec } from '../../libstorage/types.ts'
import { after } from '../../libstorage/wait.ts'
import { CLAIM_FILE, type Claim, endClaim, readClaim, takeClaim } from './claim.ts'
import { inPool, poolMissing } from './errors.ts'
import { folderName } from './folder-name.ts'
import { PoolMark } from './pool-mark.ts'
import type { PoolTurns } from './pool-turns.ts'
import { removeTrees } from './remove-trees.ts'
import { isShared } from './shared.ts'
import type { StoredVolume, VolumeRecord } from './stored-volume.ts'
import { nameOnly, newRecord, RECORD_FILE } from './stored-volume.ts'
import { abandoned, abandonedIn, Sweeper } from './sweep.ts'
import { VolumeReader } from './volume-reader.ts'

/** How long a start waits for a pool, in milliseconds. */
const OPENING_MS = 500
/** Everybody may pass through, for what is mounted from beneath; nobody but the owner sees the names. */
const FOLDER_MODE = 0o711

/** The folder in a pool that holds its snapshots; no volume's folder is hidden. */
export const SNAPSHOTS_FOLDER = '.snapshots'

/** Writes a volume's first content to this path, durably, in turns of its own. */
export type FillContent = (path: string) => Promise<void>

/** What a pool works with. */
export interface PoolParts {
  readonly run: Run
  readonly turns: PoolTurns
  /** Told of what dead processes left, which is swept away. */
  readonly logger?: Pick<Logger, 'info' | 'warn'> | undefined
  /** Whether other kernels may use a folder too. */
  readonly shared?: typeof isShared
  /** The file by which this machine remembers that the pool had volumes. */
  readonly memory: string
  /** Leaves everything as it is: marks nothing, sweeps nothing away. */
  readonly looksOnly?: boolean | undefined
}

/** A folder of volumes: one folder for each, which appears and disappears as a whole. Several processes may share it. */
export class Pool {
  readonly path: string
  /** The file or folder within a volume's folder that holds its content. */
  readonly content: string
  readonly #run: Run
  readonly #turns: PoolTurns
  readonly #isShared: () => Promise<boolean>
  readonly #reader: VolumeReader
  readonly #sweeper: Sweeper
  readonly #mark: PoolMark
  readonly #self: ProcessIdentity = identifySelf()
  /** Where a volume was last seen, so that its id leads to it at once. Never believed without a look. */
  readonly #seen = new Map<VolumeId, { folder: string; claim?: Claim }>()

  constructor(
    path: string,
    content: string,
    { run, turns, memory, logger, looksOnly = false, shared = isShared }: PoolParts,
  ) {
    this.path = path
    this.content = content
    this.#run = run
    this.#sweeper = new Sweeper(run, logger, looksOnly)
    this.#turns = turns
    this.#mark = new PoolMark(path, memory, { logger, looksOnly })
    this.#isShared = () => shared(path)
    const names = { record: RECORD_FILE, claim: CLAIM_FILE, content }
    this.#reader = new VolumeReader(names, this.#isShared)
  }

  /**
   * Makes the folder unless it is there. Its parent has to exist, unless `parents` are to be made too. A pool that does
   * not answer at once is opened when it does: others are not to wait for it, and its own calls say that it hangs.
   */
  async open({ parents }: { readonly parents: boolean }): Promise<void> {
    const make = async () => {
      try {
        if (parents) await makeFolder(dirname(this.path))
        await fs.mkdir(this.path, { mode: FOLDER_MODE })
      } catch (error) {
        if (systemCode(error) === 'ENOENT') throw poolMissing(this.path, error)
        if (systemCode(error) !== 'EEXIST' && systemCode(error) !== 'EROFS') throw error
      }
      await this.#mark.requireSame()
      await this.#mark.noteBare(this.#entries())
    }
    const opening = this.answer({}, () => this.turn(make))
    await Promise.race([opening, new Promise<void>((resolve) => after(OPENING_MS, resolve))])
    opening.catch(() => {})
  }

  /** Answers a caller in time, as `PoolTurns` does, also where the pool hangs. */
  answer<T>({ signal }: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.answer(signal, work)
  }

  /** All volumes, by reading every folder. Sweeps away what dead processes left, of snapshots too. */
  async list(signal?: AbortSignal): Promise<StoredVolume[]> {
    const entries = await this.sweep(() => this.#entries(), this.path, signal)
    const shelf = join(this.path, SNAPSHOTS_FOLDER)
    if (entries.includes(SNAPSHOTS_FOLDER)) await this.sweep(() => fs.readdir(shelf), shelf, signal)
    const visible = entries.filter((entry) => !entry.startsWith('.'))
    const folders = visible.map((entry) => join(this.path, entry))
    const volumes = await this.#reader.all(folders, (work) => this.turn(work, signal))
    this.#rememberOnly(volumes)
    await this.#sweeper.sweep(await this.turn(() => abandonedIn(volumes, this.#isShared), signal))
    return volumes
  }

  /** The volume of this name, by one look at its folder. */
  byName(name: string, signal?: AbortSignal): Promise<StoredVolume | undefined> {
    return this.turn(async () => {
      await this.#mark.requireSame()
      const volume = await this.#read(join(this.path, folderName(name)))
      if (volume === undefined) await this.mustExist()
      return volume
    }, signal)
  }

  /** The volume with this id: one look where it was seen before, else all are read. Rejects with `NotFoundError`. */
  async byId(id: VolumeId, signal?: AbortSignal): Promise<StoredVolume> {
    const seen = this.#seen.get(id)
    const there = seen && (await this.turn(() => this.#read(seen.folder), signal))
    if (there?.id === id) return there
    const found = (await this.list(signal)).find((volume) => volume.id === id)
    if (found !== undefined) return found
    throw new NotFoundError(volumeNamed(id))
  }

  /** The claim that was last seen on a volume, without touching the pool. */
  lastClaim(id: VolumeId): Claim | undefined {
    return this.#seen.get(id)?.claim
  }

  /** What can be said of a volume without touching the pool, where it was seen before. */
  lastSeen(id: VolumeId): StoredVolume | undefined {
    const seen = this.#seen.get(id)
    return seen && { ...nameOnly(id, seen.folder), ...seen }
  }

  /** Takes up what is known of a volume whose folder is not in the pool any more. */
  recall(volume: Pick<StoredVolume, 'id' | 'folder' | 'claim'>): void {
    this.#remember(volume)
  }

  /** Makes a volume: built aside, then renamed to its place, which fails where one of that name is. */
  async create(spec: VolumeSpec, fill: FillContent, signal?: AbortSignal): Promise<StoredVolume> {
    const entries = await this.sweep(() => this.#entries(), this.path, signal)
    const folder = join(this.path, folderName(spec.name))
    if (entries.includes(basename(folder))) throw this.#taken(spec.name, folder)
    const building = join(this.path, leftoverName('creating', this.#self))
    const record = newRecord(spec)
    try {
      await this.turn(() => this.#begin(building), signal)
      await fill(join(building, this.content))
      await this.turn(() => this.#place(building, record, folder), signal)
    } catch (error) {
      await removeTrees(this.#run, [building])
      throw error
    }
    const made = { folder, ...record }
    this.#remember(made)
    return made
  }

  /**
   * Destroys a volume: renamed out of sight, then deleted. `mayGo` has the last word when nobody can find it any more;
   * if it throws, the volume is put back.
   */
  async remove(
    volume: StoredVolume,
    mayGo: (hidden: StoredVolume | undefined) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const hidden = join(this.path, leftoverName('removing', this.#self))
    const hide = async () => {
      try {
        await fs.rename(volume.folder, hidden)
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error
        throw new NotFoundError(volumeNamed(volume.id), error)
      }
      try {
        mayGo(await this.#reader.one(hidden, basename(volume.folder)))
      } catch (error) {
        await fs.rename(hidden, volume.folder)
        throw error
      }
      await syncFolder(this.path)
    }
    await this.turn(hide, signal)
    this.#seen.delete(volume.id)
    await removeTrees(this.#run, [hidden])
  }

  /** Takes a volume; false when somebody has it. */
  async take(
    { id, folder }: StoredVolume,
    claim: Claim,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await this.sweep(() => fs.readdir(folder), folder, signal)
    const won = await this.turn(() => takeClaim(folder, claim, this.#self), signal)
    if (won) this.#remember({ id, folder, claim })
    return won
  }

  /** The claim on a volume as it stands now. */
  claimOn({ folder }: StoredVolume): Promise<Claim | undefined> {
    return this.turn(() => readClaim(folder))
  }

  /** Ends this very claim; one that somebody else took meanwhile stays. */
  end({ folder }: StoredVolume, claim: Claim): Promise<void> {
    return this.turn(() => endClaim(folder, claim, this.#self))
  }

  /** Works with the pool's files when it is its turn; what the operating system refuses there becomes a sentence. */
  turn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return inPool(this.path, () => this.#turns.take(work, signal))
  }

  /** Does of an answer, by its signal, what needs no turn and may take hours. */
  apart<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#turns.apart(signal, work)
  }

  /** Lists a folder, and sweeps away what dead processes left there. */
  async sweep(
    list: () => Promise<string[]>,
    folder: string,
    signal: AbortSignal | undefined,
  ): Promise<string[]> {
    const [entries, left] = await this.turn(async () => {
      const listed = await list()
      return [listed, await abandoned(folder, listed, this.#isShared)] as const
    }, signal)
    await this.#sweeper.sweep(left)
    return entries
  }

  async #begin(building: string): Promise<void> {
    await this.#mark.make()
    await fs.mkdir(building, { mode: FOLDER_MODE })
  }

  async #place(building: string, record: VolumeRecord, folder: string): Promise<void> {
    await writeNew(join(building, RECORD_FILE), JSON.stringify(record, undefined, 2))
    await syncFolder(building)
    try {
      await fs.rename(building, folder)
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCode(error) ?? ''))
        throw this.#taken(record.name, folder, error)
      throw error
    }
    await syncFolder(this.path)
  }

  async #read(folder: string): Promise<StoredVolume | undefined> {
    const volume = await this.#reader.one(folder)
    if (volume !== undefined) this.#remember(volume)
    return volume
  }

  #remember({ id, folder, claim }: Pick<StoredVolume, 'id' | 'folder' | 'claim'>): void {
    this.#seen.set(id, { folder, ...(claim && { claim }) })
  }

  async #entries(): Promise<string[]> {
    const entries = await fs.readdir(this.path).catch((error: unknown) => this.#mark.missing(error))
    await this.#mark.check(entries)
    return entries
  }

  /** A pool that went away must not look like one without that volume. Only within a turn. */
  async mustExist(): Promise<void> {
    if (!(await this.#mark.isMarked())) await this.#entries()
  }

  #taken(name: string, folder: string, cause?: unknown): AlreadyExistsError {
    return new AlreadyExistsError({
      subject: volumeNamed(name),
      problem: `exists already in ${folder}`,
      remedy: 'choose another name',
      cause,
    })
  }

  #rememberOnly(volumes: readonly StoredVolume[]): void {
    for (const volume of volumes) this.#remember(volume)
    const present = new Set(volumes.map((volume) => volume.id))
    // A claim says which device is to be taken away, also where the volume's folder is gone.
    for (const [id, { claim }] of this.#seen)
      if (!present.has(id) && claim?.device === undefined) this.#seen.delete(id)
  }
}
