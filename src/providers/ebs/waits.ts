import { sleep } from '../../libstorage/wait.ts'

/** When something is looked at: after `firstMs`, then after pauses that grow by half up to `maxMs`. */
export interface Pace {
  readonly firstMs: number
  readonly nextMs: number
  readonly maxMs: number
}

/** How long a platform takes, against the usual. */
export interface Patience {
  /** In all, in milliseconds. */
  readonly timeoutMs: number
  /** What all pauses are multiplied by: 1 for EC2, less for one that is faster. */
  readonly pace: number
}

const GROWTH = 1.5

/** Looks until the answer is something other than undefined, and resolves with it; undefined when the time is up. */
export async function lookUntil<T>(
  look: () => Promise<T | undefined>,
  { firstMs, nextMs, maxMs }: Pace,
  { timeoutMs, pace }: Patience,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs
  let pauseMs = nextMs * pace
  await sleep(firstMs * pace, signal)
  for (;;) {
    const answer = await look()
    if (answer !== undefined) return answer
    if (performance.now() + pauseMs > deadline) return undefined
    await sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * GROWTH, maxMs * pace)
  }
}
