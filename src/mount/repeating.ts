import { isStorageError, TimeoutError, UnavailableError } from '../libstorage/errors.ts'
import { sleep } from '../libstorage/wait.ts'
import type { MountSettings } from './settings.ts'

/**
 * Tries what may fail as often as is configured, with pauses between. A caller whose time is up before it succeeds learns
 * why it failed: the time alone would say nothing of it.
 */
export async function repeating<T>(
  { retryCount, retryWaitMs }: Pick<MountSettings['mount'], 'retryCount' | 'retryWaitMs'>,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let failure: unknown
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (signal?.aborted === true) throw cutOff(error, failure)
      if (attempt >= retryCount) throw error
      failure = error
    }
    await sleep(retryWaitMs, signal).catch((reason: unknown) => {
      throw reason instanceof TimeoutError ? failure : reason
    })
  }
}

/** What a repeat that was cut off comes to: what it was at, and why the one before had failed. */
function cutOff(error: unknown, failure: unknown): unknown {
  const isUnfinished = error instanceof TimeoutError || error instanceof UnavailableError
  if (!isUnfinished || !isStorageError(failure)) return error
  return new UnavailableError({
    subject: failure.finding,
    problem: `when it was tried before; now ${error.finding}`,
    remedy: failure.remedy ?? error.remedy,
    cause: error,
  })
}
