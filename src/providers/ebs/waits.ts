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
  /** What the time of the first look is learnt by; nothing is learnt without. */
  readonly usual?: UsualTime
}

const GROWTH = 1.5
/** How much of a longer time counts at once, and how slowly a time that was long enough shrinks. */
const LEARNT_SHARE = 0.5
const SHRINKING = 0.9

/**
 * How long EC2 usually takes for one kind of change, learnt from those that were waited for: looked at then, a change
 * costs one look.
 */
export class UsualTime {
  #ms = 0

  /** After how many milliseconds to look first: not before `leastMs`, nor after `mostMs`. */
  firstLook(leastMs: number, mostMs: number): number {
    return Math.min(Math.max(leastMs, this.#ms), mostMs)
  }

  /** Takes in that a change was seen after so many milliseconds, at the first look or a later one. */
  learn(ms: number, isFirstLook: boolean): void {
    if (isFirstLook) this.#ms *= SHRINKING
    else this.#ms = this.#ms === 0 ? ms : this.#ms + (ms - this.#ms) * LEARNT_SHARE
  }
}

/** Looks until the answer is something other than undefined, and resolves with it; undefined when the time is up. */
export async function lookUntil<T>(
  look: () => Promise<T | undefined>,
  { firstMs, nextMs, maxMs }: Pace,
  { timeoutMs, pace, usual = new UsualTime() }: Patience,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const begun = performance.now()
  const deadline = begun + timeoutMs
  let pauseMs = nextMs * pace
  const mostMs = Math.min(maxMs * pace, timeoutMs)
  await sleep(usual.firstLook(firstMs * pace, mostMs), signal)
  for (let isFirst = true; ; isFirst = false) {
    const askedAfterMs = performance.now() - begun
    const answer = await look()
    if (answer !== undefined) {
      usual.learn(Math.min(askedAfterMs, mostMs), isFirst)
      return answer
    }
    if (performance.now() + pauseMs > deadline) return undefined
    await sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * GROWTH, maxMs * pace)
  }
}
