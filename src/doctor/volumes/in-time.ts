import { timeLimit, untilAborted } from '../../libstorage/wait.ts'

/** How long one disk may take, so that one that hangs does not hide what is to be said of others, in milliseconds. */
const DISK_MS = 3_500

/** Waits for a disk as long as a person does. Rejects with `TimeoutError`. */
export function inTime<T>(work: Promise<T>): Promise<T> {
  return untilAborted(work, timeLimit(DISK_MS))
}
