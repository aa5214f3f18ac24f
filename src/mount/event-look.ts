import path from 'node:path'
import type { Run } from '../libstorage/run.ts'
import { EVENT_FILE } from './event-file.ts'
import { parseEvent, type RecordedEvent } from './event-log.ts'

/** How much of the newest events is read. */
const TAIL_BYTES = 4_194_304
const READ_MS = 3_000

/** The newest events in the log directory, the oldest first; lines that are none are left out. Rejects where the disk hangs. */
export async function lookAtEvents(
  logDirectory: string,
  run: Run,
): Promise<readonly RecordedEvent[]> {
  const file = path.join(logDirectory, EVENT_FILE)
  const { stdout } = await run('tail', ['-c', String(TAIL_BYTES), '--', file], {
    timeoutMs: READ_MS,
  })
  return stdout.split('\n').flatMap((line) => parseEvent(line) ?? [])
}
