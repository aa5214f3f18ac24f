import fs from 'node:fs'
import path from 'node:path'
import { removeDurably, writeDurably } from '../libstorage/durable-file.ts'
import { isStorageError, type StorageError, systemCode } from '../libstorage/errors.ts'
import { sweepLeftovers } from '../libstorage/leftover.ts'
import type { Logger } from '../libstorage/logger.ts'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import { identifySelf } from '../libstorage/process-identity.ts'
import type { VolumeId } from '../libstorage/types.ts'
import { immovable, recordingError, unreadable } from './ledger-errors.ts'
import { type LedgerRecord, parseRecord } from './ledger-record.ts'

const RECORD_SUFFIX = '.json'
/** What stands in a record's place and can never be one: a folder, a link to itself. */
const NO_FILE: ReadonlySet<string> = new Set(['EISDIR', 'ELOOP'])
/** Two changes within one tick of the file system's clock look like one. */
const CLOCK_TICK_MS = 20
/** The tick where times are kept in whole seconds (ext with inodes of 128 bytes) or two of them. */
const COARSE_CLOCK_TICK_MS = 2_500

interface Cached {
  /** What tells this file from any later one; undefined while one that is written now could look the same. */
  readonly version: string | undefined
  readonly record: LedgerRecord
}

/**
 * The one place of durable truth about one service on this machine: a record for each volume that is in use or was left
 * in an unfinished state. Other processes write it too; writing is for whoever holds the volume's lock.
 */
export interface Ledger {
  /** The record of this volume, or undefined when nothing was meant for it. Throws a `StorageError` where it cannot be read. */
  get(id: VolumeId): LedgerRecord | undefined
  /** The record of the volume of this name, else with this id, else of the one name that differs in letter case only. */
  named(name: string): LedgerRecord | undefined
  /** The record of the volume of exactly this name; of two the one that is mounted. */
  exactly(name: string): LedgerRecord | undefined
  /** All records that can be read. */
  all(): readonly LedgerRecord[]
  /** Whether all records could be read in the last look at them; of one that could not, not even the name is known. */
  isWhole(): boolean
  /** Writes a record; it survives a crash once this resolves. Rejects with `ResourceExhaustedError` when there is no room. */
  put(record: LedgerRecord): Promise<void>
  /** Forgets a volume, for good when this resolves. */
  delete(id: VolumeId): Promise<void>
}

/** A ledger as a small file for each record in one folder. Reading looks at the record's file first, or at the folder. */
export class FileLedger implements Ledger {
  readonly #folder: string
  readonly #logger: Logger
  readonly #self = identifySelf()
  readonly #service: string | undefined
  readonly #records = new Map<string, Cached>()
  /** Why records cannot be read, by their files: each keeps only its own volume from being used. */
  readonly #failures = new Map<string, StorageError>()
  #seen: { changedAt: bigint; settled: boolean } | undefined

  /** A record of another service than this one is not taken for one of its own. */
  constructor(folder: string, logger: Logger, service?: string) {
    this.#folder = folder
    this.#service = service
    this.#logger = logger
    makeFolderNow(folder, 0o700)
    sweepLeftovers(folder, logger, (left, cause) =>
      logger.warn(`${left} cannot be deleted: ${cause}`),
    )
  }

  get(id: VolumeId): LedgerRecord | undefined {
    const name = fileName(id)
    this.#reread(name)
    const failure = this.#failures.get(name)
    if (failure !== undefined) throw failure
    return this.#records.get(name)?.record
  }

  named(name: string): LedgerRecord | undefined {
    const records = this.all()
    const certain = exactly(records, name) ?? this.#records.get(fileName(name))?.record
    if (certain !== undefined) return certain
    const folded = name.toLowerCase()
    const alike = records.filter((record) => record.volume.name.toLowerCase() === folded)
    return alike.length === 1 ? alike[0] : undefined
  }

  exactly(name: string): LedgerRecord | undefined {
    return exactly(this.all(), name)
  }

  all(): readonly LedgerRecord[] {
    this.#look()
    return [...this.#records.values()].map(({ record }) => record)
  }

  isWhole(): boolean {
    return this.#failures.size === 0
  }

  async put(record: LedgerRecord): Promise<void> {
    const file = path.join(this.#folder, fileName(record.volume.id))
    try {
      this.#ensureFolder()
      await writeDurably(file, `${JSON.stringify(record, undefined, 2)}\n`, this.#self)
    } catch (error) {
      throw recordingError(`ledger ${this.#folder}`, error)
    }
    const version = versionOf(fs.statSync(file, { bigint: true }))
    this.#take(fileName(record.volume.id), { version, record })
  }

  async delete(id: VolumeId): Promise<void> {
    if (this.get(id) === undefined) return
    try {
      await removeDurably(path.join(this.#folder, fileName(id)))
    } catch (error) {
      throw recordingError(`ledger ${this.#folder}`, error)
    }
    this.#records.delete(fileName(id))
  }

  /** A folder that was taken away while it was in use gets back what this process knows. */
  #ensureFolder(): void {
    if (fs.existsSync(this.#folder)) return
    makeFolderNow(this.#folder, 0o700)
    for (const [name, { record }] of this.#records)
      fs.writeFileSync(path.join(this.#folder, name), JSON.stringify(record), { mode: 0o600 })
    this.#logger.error(
      `ledger ${this.#folder} was gone, and is made again with the ${this.#records.size} records that are known`,
    )
  }

  #statFolder(): fs.BigIntStats {
    const stats = fs.statSync(this.#folder, { bigint: true, throwIfNoEntry: false })
    if (stats !== undefined) return stats
    this.#ensureFolder()
    return fs.statSync(this.#folder, { bigint: true })
  }

  #look(): void {
    try {
      this.#lookAtFolder()
    } catch (error) {
      const code = isStorageError(error) ? undefined : systemCode(error)
      throw code === undefined ? error : unreadable(`ledger ${this.#folder}`, code, error)
    }
  }

  #lookAtFolder(): void {
    const { mtimeNs } = this.#statFolder()
    if (this.#seen?.settled === true && this.#seen.changedAt === mtimeNs) return
    const settled = isSettled(mtimeNs)
    const files = fs.readdirSync(this.#folder).filter((name) => name.endsWith(RECORD_SUFFIX))
    const present = new Set(files)
    const isGone = (name: string) => !present.has(name)
    for (const name of [...this.#records.keys()].filter(isGone)) this.#records.delete(name)
    for (const name of [...this.#failures.keys()].filter(isGone)) this.#failures.delete(name)
    for (const name of files) this.#reread(name)
    // What could not be read may become readable without a change to the folder.
    this.#seen = { changedAt: mtimeNs, settled: settled && this.#failures.size === 0 }
  }

  #reread(name: string): void {
    const file = path.join(this.#folder, name)
    try {
      const stats = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) {
        this.#notThere(name)
        return
      }
      const version = versionOf(stats)
      if (version !== undefined && this.#records.get(name)?.version === version) return
      const record = parseRecord(file, JSON.parse(fs.readFileSync(file, 'utf8')))
      const foreign = this.#foreign(name, record)
      if (foreign === undefined) this.#take(name, { version, record })
      else this.#putAside(name, foreign)
    } catch (error) {
      this.#notRead(name, file, error)
    }
  }

  #take(name: string, read: Cached): void {
    this.#records.set(name, read)
    this.#failures.delete(name)
  }

  #notRead(name: string, file: string, error: unknown): void {
    if (isStorageError(error)) throw error
    const code = systemCode(error)
    if (code === undefined || NO_FILE.has(code)) this.#putAside(name, error)
    else if (code === 'ENOENT') this.#notThere(name)
    else this.#fail(name, unreadable(`ledger file ${file}`, code, error))
  }

  #notThere(name: string): void {
    this.#failures.delete(name)
    if (!this.#records.has(name)) return
    this.#ensureFolder()
    if (!fs.existsSync(path.join(this.#folder, name))) this.#records.delete(name)
  }

  /** Said once. What was known of the volume stays known, so that its name is. */
  #fail(name: string, failure: StorageError): void {
    if (this.#failures.get(name)?.message !== failure.message)
      this.#logger.error(`${failure.message}; until then its volume cannot be used`)
    this.#failures.set(name, failure)
  }

  /** Why a record is not the one of its file, or undefined. */
  #foreign(name: string, { volume, service }: LedgerRecord): string | undefined {
    if (fileName(volume.id) !== name) return `it is the record of ${volume.id}`
    const isOther = this.#service !== undefined && service !== this.#service
    return isOther ? `it is a record of the service ${service}` : undefined
  }

  #putAside(name: string, cause: unknown): void {
    this.#records.delete(name)
    const [file, aside] = [path.join(this.#folder, name), `${name}.corrupt-${Date.now()}`]
    try {
      fs.renameSync(file, path.join(this.#folder, aside))
    } catch (error) {
      this.#fail(name, immovable(file, error))
      return
    }
    this.#failures.delete(name)
    this.#logger.error(
      `ledger file ${file} is corrupt and was put aside as ${aside}; references to its volume are lost, the volume and its data are not`,
      { cause: cause instanceof Error ? cause.message : String(cause) },
    )
  }
}

function isSettled(changedAtNs: bigint): boolean {
  const isCoarse = changedAtNs % 1_000_000_000n === 0n
  const ageMs = Date.now() - Number(changedAtNs / 1_000_000n)
  return ageMs > (isCoarse ? COARSE_CLOCK_TICK_MS : CLOCK_TICK_MS)
}

/** What tells a file from any later one. An inode alone tells little: that of a replaced file is given to the next new one. */
function versionOf({ ino, ctimeNs, size }: fs.BigIntStats): string | undefined {
  return isSettled(ctimeNs) ? `${ino}/${ctimeNs}/${size}` : undefined
}

/** Ids are the platform's; whatever they hold, the file name is one. */
function fileName(id: VolumeId): string {
  return `${encodeURIComponent(id).replaceAll('.', '%2E')}${RECORD_SUFFIX}`
}

/** Of two records of this name the one that is mounted. */
function exactly(records: readonly LedgerRecord[], name: string): LedgerRecord | undefined {
  const named = records.filter(({ volume }) => volume.name === name)
  return named.find(({ mount }) => mount !== undefined) ?? named[0]
}
