import { sleep } from '../../libstorage/wait.ts'

/** When something is looked at: after `firstMs`, then after pauses that grow by half up to `maxMs`, for `timeoutMs` in all. */
export interface Pace {
  readonly firstMs: number
  readonly nextMs: number
  readonly maxMs: number
  readonly timeoutMs: number
}

const GROWTH = 1.5

/** Looks until the answer is something other than undefined, and resolves with it; undefined when the time is up. */
export async function lookUntil<T>(
  look: () => Promise<T | undefined>,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const deadline = performance.now() + pace.timeoutMs
  let pauseMs = pace.nextMs
  await sleep(pace.firstMs, signal)
  for (;;) {
    const answer = await look()
    if (answer !== undefined) return answer
    if (performance.now() + pauseMs > deadline) return undefined
    await sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * GROWTH, pace.maxMs)
  }
}
