import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'
import * as z from 'zod'
import { PermissionDeniedError, systemCode } from '../libstorage/errors.ts'
import { ASIDE, EVENT_FILE } from './event-file.ts'

const recordedEvent = z.looseObject({
  time: z.iso.datetime(),
  kind: z.string(),
  service: z.string(),
  volume: z.string(),
  volumeId: z.string().optional(),
  instance: z.string().optional(),
  holder: z.string().optional(),
  durationMs: z.number().optional(),
  cause: z.string().optional(),
})

/** An event as a file has it. Its kind may be one of another version, which {@link EventKind} does not know. */
export type RecordedEvent = z.infer<typeof recordedEvent>

const NEWLINE = 10

/** Reads what was recorded on this machine by any process, also while they go on, and where files are put aside meanwhile. */
export class EventLog {
  readonly #directory: string
  /** How far each file was read, by its inode, which stays when the file is put aside. */
  readonly #readTo = new Map<number, number>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /**
   * The events since the last call, oldest first; the first call gives all that are kept. A line that is no event, as a full
   * disk may leave it, is passed over. Throws `PermissionDeniedError` where this user may not read.
   */
  next(): RecordedEvent[] {
    try {
      const names = readdirSync(this.#directory)
      const aside = names.filter((name) => ASIDE.test(name)).sort()
      return [...aside, EVENT_FILE].flatMap((name) => this.#eventsIn(name))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw this.#refusal(error)
    }
  }

  #eventsIn(name: string): RecordedEvent[] {
    const text = this.#appendedTo(path.join(this.#directory, name))
    return text.split('\n').flatMap((line) => parseEvent(line) ?? [])
  }

  /** The whole lines that were not read yet; none where the file is gone. */
  #appendedTo(file: string): string {
    const opened = openThere(file)
    if (opened === undefined) return ''
    try {
      const { ino, size } = fstatSync(opened)
      const from = this.#readTo.get(ino) ?? 0
      const bytes = Buffer.alloc(Math.max(0, size - from))
      const count = readSync(opened, bytes, 0, bytes.length, from)
      const whole = bytes.subarray(0, bytes.subarray(0, count).lastIndexOf(NEWLINE) + 1)
      this.#readTo.set(ino, from + whole.length)
      return whole.toString()
    } finally {
      closeSync(opened)
    }
  }

  #refusal(cause: unknown): unknown {
    if (!['EACCES', 'EPERM'].includes(systemCode(cause) ?? '')) return cause
    return new PermissionDeniedError({
      subject: `the record in ${this.#directory}`,
      problem: 'is not for this user to read',
      remedy: 'run the command as the user of the server',
      cause,
    })
  }
}

function openThere(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The event in a line, or undefined where the line is none. */
export function parseEvent(line: string): RecordedEvent | undefined {
  try {
    return recordedEvent.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
