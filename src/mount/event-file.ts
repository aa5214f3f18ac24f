import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { systemCode } from '../libstorage/errors.ts'
import type { Logger } from '../libstorage/logger.ts'
import { makeFolderNow } from '../libstorage/make-folder.ts'
import type { EventSink, VolumeEvent } from './events.ts'

/** The file that events are written to; the older ones beside it carry the time at which they were put aside. */
export const EVENT_FILE = 'events.jsonl'

/** What older files are called; in the order of their names they are in that of their time. */
export const ASIDE = /^events-.+\.jsonl$/
const MAX_BYTES = 10 * 1024 * 1024
const KEPT_FILES = 3

/** Where events are kept, and how many. */
export interface EventFileOptions {
  /** Made when it is missing. */
  readonly directory: string
  readonly logger: Logger
  /** The size at which a file is put aside; 10 MiB unless given. */
  readonly maxBytes?: number
  /** How many files there are at most, the one that is written to among them; 3 unless given. */
  readonly keptFiles?: number
  readonly now?: () => Date
}

/**
 * Writes one line of JSON for each event, with its time. Several processes may write to the same file: a line is one
 * append, and a file that is full is put aside under a name of its own, so that none overwrites another.
 */
export class EventFile implements EventSink {
  readonly #options: Required<EventFileOptions>
  #isFailing = false
  #isTorn = false

  constructor(options: EventFileOptions) {
    this.#options = {
      maxBytes: MAX_BYTES,
      keptFiles: KEPT_FILES,
      now: () => new Date(),
      ...options,
    }
  }

  /** Never throws; the first failure of a row is logged. */
  record(event: VolumeEvent): void {
    const { logger, now } = this.#options
    try {
      this.#append(`${JSON.stringify({ time: now().toISOString(), ...event })}\n`)
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) logger.error('events cannot be recorded', { file: this.#file, error })
      this.#isFailing = true
    }
  }

  get #file(): string {
    return path.join(this.#options.directory, EVENT_FILE)
  }

  #append(line: string): void {
    const file = this.#open()
    try {
      const bytes = Buffer.from(this.#isTorn ? `\n${line}` : line)
      const written = writeSync(file, bytes)
      this.#isTorn = written < bytes.length
      if (this.#isTorn) throw new Error(`only ${written} of ${bytes.length} bytes were written`)
      const { size, ino } = fstatSync(file)
      if (size >= this.#options.maxBytes) this.#putAside(ino)
    } finally {
      closeSync(file)
    }
  }

  #open(): number {
    try {
      return openSync(this.#file, 'a', 0o640)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      makeFolderNow(this.#options.directory)
      return openSync(this.#file, 'a', 0o640)
    }
  }

  /** Another process may have put the full file aside already; the fresh one is then left where it is. */
  #putAside(inode: number): void {
    const { directory, keptFiles, now } = this.#options
    if (statSync(this.#file, { throwIfNoEntry: false })?.ino !== inode) return
    const stamp = now().toISOString().replaceAll(':', '-')
    renameSync(this.#file, path.join(directory, `events-${stamp}-${process.pid}.jsonl`))
    const aside = readdirSync(directory).filter((name) => ASIDE.test(name))
    const tooOld = aside.sort().slice(0, Math.max(0, aside.length - (keptFiles - 1)))
    for (const name of tooOld) rmSync(path.join(directory, name), { force: true })
  }
}
