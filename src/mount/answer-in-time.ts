import { TimeoutError } from '../libstorage/errors.ts'
import { untilAborted } from '../libstorage/wait.ts'
import type { MountContext } from './mount-context.ts'
import { stillUnderWay } from './volume-session.ts'

/**
 * Waits for the work as long as the caller does; the work itself goes on. A caller whose time is up learns what is being
 * done to the volume, and for how long already.
 */
export async function answerInTime<T>(
  context: MountContext,
  name: string,
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T> {
  work.catch(() => {})
  try {
    return await untilAborted(work, signal)
  } catch (error) {
    if (!(error instanceof TimeoutError) || signal?.aborted !== true) throw error
    const progress = context.sessions.progressOf(name)
    if (progress === undefined) throw error
    throw stillUnderWay({ ...progress, name })
  }
}
