import path from 'node:path'
import * as z from 'zod'
import type { Run } from '../libstorage/run.ts'
import { EVENT_FILE } from './event-file.ts'

/** How much of the newest events is read. */
const TAIL_BYTES = 4_194_304
const READ_MS = 3_000

const recordedEventSchema = z.object({
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

/** An event as it was written, with its time (ISO 8601). */
export type RecordedEvent = Readonly<z.infer<typeof recordedEventSchema>>

/** The newest events in the log directory, the oldest first; lines that are none are left out. Rejects where the disk hangs. */
export async function lookAtEvents(
  logDirectory: string,
  run: Run,
): Promise<readonly RecordedEvent[]> {
  const file = path.join(logDirectory, EVENT_FILE)
  const { stdout } = await run('tail', ['-c', String(TAIL_BYTES), '--', file], {
    timeoutMs: READ_MS,
  })
  return stdout.split('\n').flatMap((line) => eventIn(line) ?? [])
}

function eventIn(line: string): RecordedEvent | undefined {
  try {
    return recordedEventSchema.safeParse(JSON.parse(line)).data as RecordedEvent | undefined
  } catch {
    return undefined
  }
}
