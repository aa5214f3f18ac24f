import { TimeoutError, volumeNamed } from './errors.ts'
import { isOutage } from './outage.ts'
import type { StorageDriver } from './storage-driver.ts'
import type { Volume } from './types.ts'
import { timeLimit, untilAborted } from './wait.ts'

/** How long one look-up may take when the volume is known from before and can be answered anyway, in milliseconds. */
const KNOWN_LOOK_UP_MS = 2_000

/** A look-up for a caller. Rejects with `TimeoutError` when his time is up, with what was not there in time, and why. */
export async function inTime<T>(
  name: string,
  lookUp: Promise<T>,
  caller: {
    readonly signal?: AbortSignal | undefined
    readonly driver: Pick<StorageDriver, 'hindrance'>
  },
): Promise<T> {
  try {
    return await lookUp
  } catch (error) {
    if (!(error instanceof TimeoutError) || caller.signal?.aborted !== true) throw error
    const why = caller.driver.hindrance?.()
    throw new TimeoutError({
      subject: volumeNamed(name),
      problem: `could not be looked up in time${why === undefined ? '' : ` (${why})`}`,
      remedy: 'try again',
      cause: error,
    })
  }
}

/** What the platform says, or in an outage what is known already, if anything is. */
export async function orKnown(
  asked: Promise<readonly Volume[]>,
  known: readonly Volume[],
  signal: AbortSignal | undefined,
): Promise<readonly Volume[]> {
  try {
    return await untilAborted(asked, known.length === 0 ? signal : withLimit(signal))
  } catch (error) {
    if (known.length === 0 || !isOutage(error)) throw error
    return known
  }
}

/** What is known already is worth no long wait; a caller that goes away ends it sooner. */
function withLimit(signal: AbortSignal | undefined): AbortSignal {
  const limit = timeLimit(KNOWN_LOOK_UP_MS)
  return signal === undefined ? limit : AbortSignal.any([signal, limit])
}
