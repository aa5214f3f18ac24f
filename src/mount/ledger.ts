import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { removeDurably, writeDurably } from '../libstorage/durable-file.ts'
import {
  FailedPreconditionError,
  isStorageError,
  PermissionDeniedError,
  ResourceExhaustedError,
  systemCode,
  UnavailableError,
} from '../libstorage/errors.ts'
import { sweepLeftovers } from '../libstorage/leftover.ts'
import type { Logger } from '../libstorage/logger.ts'
import { makeFolder } from '../libstorage/make-folder.ts'
import { identifySelf } from '../libstorage/process-identity.ts'
import type { VolumeId } from '../libstorage/types.ts'
import { type LedgerRecord, ledgerRecordSchema } from './ledger-record.ts'

const RECORD_SUFFIX = '.json'
/** The newest form of a record that is understood. */
const RECORD_VERSION = 1
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
  /** The record of this volume, or undefined when nothing was meant for it. */
  get(id: VolumeId): LedgerRecord | undefined
  /** The record of the volume of this name, else with this id, else of the one name that differs in letter case only. */
  named(name: string): LedgerRecord | undefined
  /** The record of the volume of exactly this name; of two the one that is mounted. */
  exactly(name: string): LedgerRecord | undefined
  /** All records. */
  all(): readonly LedgerRecord[]
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
  #looked = false
  #seen: { changedAt: bigint; settled: boolean } | undefined

  /** A record of another service than this one is not taken for one of its own. */
  constructor(folder: string, logger: Logger, service?: string) {
    this.#folder = folder
    this.#service = service
    this.#logger = logger
    makeFolder(folder, 0o700)
    sweepLeftovers(folder)
  }

  get(id: VolumeId): LedgerRecord | undefined {
    const name = fileName(id)
    this.#reread(name)
    return this.#records.get(name)?.record
  }

  named(name: string): LedgerRecord | undefined {
    const certain = this.exactly(name) ?? this.#records.get(fileName(name))?.record
    if (certain !== undefined) return certain
    const folded = name.toLowerCase()
    const alike = this.all().filter((record) => record.volume.name.toLowerCase() === folded)
    return alike.length === 1 ? alike[0] : undefined
  }

  exactly(name: string): LedgerRecord | undefined {
    const records = this.all().filter(({ volume }) => volume.name === name)
    return records.find(({ mount }) => mount !== undefined) ?? records[0]
  }

  all(): readonly LedgerRecord[] {
    this.#refresh()
    return [...this.#records.values()].map(({ record }) => record)
  }

  async put(record: LedgerRecord): Promise<void> {
    const file = path.join(this.#folder, fileName(record.volume.id))
    try {
      await writeDurably(file, `${JSON.stringify(record, undefined, 2)}\n`, this.#self)
    } catch (error) {
      throw recordingError(this.#folder, error)
    }
    const version = versionOf(fs.statSync(file, { bigint: true }))
    this.#records.set(fileName(record.volume.id), { version, record })
  }

  async delete(id: VolumeId): Promise<void> {
    if (this.get(id) === undefined) return
    await removeDurably(path.join(this.#folder, fileName(id)))
    this.#records.delete(fileName(id))
  }

  /** Many questions of one turn of the event loop are one look at the folder. */
  #refresh(): void {
    if (this.#looked) return
    this.#looked = true
    queueMicrotask(() => {
      this.#looked = false
    })
    this.#look()
  }

  #look(): void {
    const { mtimeNs } = fs.statSync(this.#folder, { bigint: true })
    if (this.#seen?.settled === true && this.#seen.changedAt === mtimeNs) return
    const settled = isSettled(mtimeNs)
    const files = fs.readdirSync(this.#folder).filter((name) => name.endsWith(RECORD_SUFFIX))
    const present = new Set(files)
    for (const name of this.#records.keys()) if (!present.has(name)) this.#records.delete(name)
    for (const name of files) this.#reread(name)
    this.#seen = { changedAt: mtimeNs, settled }
  }

  #reread(name: string): void {
    const file = path.join(this.#folder, name)
    try {
      const stats = fs.statSync(file, { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) {
        this.#records.delete(name)
        return
      }
      const version = versionOf(stats)
      if (version !== undefined && this.#records.get(name)?.version === version) return
      const record = readRecord(file, JSON.parse(fs.readFileSync(file, 'utf8')))
      const foreign = this.#foreign(name, record)
      if (foreign !== undefined) this.#putAside(name, foreign)
      else this.#records.set(name, { version, record })
    } catch (error) {
      this.#notRead(name, file, error)
    }
  }

  #notRead(name: string, file: string, error: unknown): void {
    if (isStorageError(error)) throw error
    const code = systemCode(error)
    if (code === undefined || NO_FILE.has(code)) this.#putAside(name, error)
    else if (code === 'ENOENT') this.#records.delete(name)
    else throw unreadable(file, code, error)
  }

  /** Why a record is not the one of its file, or undefined. */
  #foreign(name: string, { volume, service }: LedgerRecord): string | undefined {
    if (fileName(volume.id) !== name) return `it is the record of ${volume.id}`
    const isOther = this.#service !== undefined && service !== this.#service
    return isOther ? `it is a record of the service ${service}` : undefined
  }

  #putAside(name: string, cause: unknown): void {
    this.#records.delete(name)
    const aside = `${name}.corrupt-${Date.now()}`
    fs.renameSync(path.join(this.#folder, name), path.join(this.#folder, aside))
    this.#logger.error(
      `ledger file ${path.join(this.#folder, name)} is corrupt and was put aside as ${aside}; references to its volume are lost, the volume and its data are not`,
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

/** Throws what zod or `StorageError` says; what a newer version knows must not be lost by taking it for corrupt. */
function readRecord(file: string, content: unknown): LedgerRecord {
  const { version } = z.object({ version: z.number() }).parse(content)
  if (version <= RECORD_VERSION) return ledgerRecordSchema.parse(content) as LedgerRecord
  throw new FailedPreconditionError({
    subject: `ledger file ${file}`,
    problem: `was written by a newer version of this program (${version}, this one knows ${RECORD_VERSION})`,
    remedy: 'use that version, or a later one',
  })
}

/** What cannot be read just now is not corrupt: taking it for lost would lose its references. */
function unreadable(file: string, code: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject: `ledger file ${file}`,
    problem: `cannot be read (${code})`,
    remedy: 'mend that and try again',
    cause,
  })
}

/** What keeps a record from being written, as a sentence; anything else is a bug. */
function recordingError(folder: string, cause: unknown): unknown {
  const code = systemCode(cause) ?? ''
  const facts = { subject: `ledger ${folder}`, cause }
  if (['ENOSPC', 'EDQUOT'].includes(code)) {
    const problem = 'cannot be written: its disk is full'
    return new ResourceExhaustedError({
      ...facts,
      problem,
      remedy: 'make room there and try again',
    })
  }
  if (['EROFS', 'EACCES', 'EPERM'].includes(code)) {
    const problem = `cannot be written (${code})`
    return new PermissionDeniedError({
      ...facts,
      problem,
      remedy: 'make it writable and try again',
    })
  }
  if (code !== 'EIO') return cause
  return new UnavailableError({
    ...facts,
    problem: 'cannot be written (EIO)',
    remedy: 'see whether its disk is dying',
  })
}

/** Ids are the platform's; whatever they hold, the file name is one. */
function fileName(id: VolumeId): string {
  return `${encodeURIComponent(id).replaceAll('.', '%2E')}${RECORD_SUFFIX}`
}
