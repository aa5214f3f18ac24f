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
/** By how much the time of the first look shrinks while no look came too early near it; else by which part of a pause. */
const SHRINKING = 0.9
const CREEPING = 0.08

/** What one change showed of its time, in milliseconds. */
export interface Learnt {
  /** When it was looked at first, and when it was seen. */
  readonly firstMs: number
  readonly seenMs: number
  /** How much later the next look would have been. */
  readonly stepMs: number
}

/**
 * How long EC2 usually takes for one kind of change, learnt from those that were waited for: looked at then, a change
 * costs one look. A look that came too early moves the next first one by a pause between looks, and no more, so that one
 * slow change slows no others down; from there it creeps back.
 */
export class UsualTime {
  #ms = 0
  /** The latest first look that came too early, as far as that still counts. */
  #tooEarlyMs = 0

  /** After how many milliseconds to look first: not before `leastMs`, nor after `mostMs`. */
  firstLook(leastMs: number, mostMs: number): number {
    return Math.min(Math.max(leastMs, this.#ms), mostMs)
  }

  /** Takes in that a change was seen. Those that ran at once count as one. */
  learn({ firstMs, seenMs, stepMs }: Learnt): void {
    if (seenMs > firstMs) {
      this.#ms = this.#ms === 0 ? seenMs : Math.max(this.#ms, firstMs + stepMs)
      this.#tooEarlyMs = Math.max(this.#tooEarlyMs, firstMs)
      return
    }
    const leastMs = this.#tooEarlyMs + stepMs
    if (firstMs <= leastMs)
      this.#tooEarlyMs = Math.min(this.#tooEarlyMs, Math.max(0, firstMs - stepMs * (1 + CREEPING)))
    this.#ms = Math.min(this.#ms, Math.max(this.#tooEarlyMs + stepMs, firstMs * SHRINKING))
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
  const firstLookMs = usual.firstLook(firstMs * pace, mostMs)
  await sleep(firstLookMs, signal)
  for (let isFirst = true; ; isFirst = false) {
    const askedAfterMs = performance.now() - begun
    const answer = await look()
    if (answer !== undefined) {
      const seenMs = isFirst ? firstLookMs : Math.min(askedAfterMs, mostMs)
      usual.learn({ firstMs: firstLookMs, seenMs, stepMs: nextMs * pace })
      return answer
    }
    if (performance.now() + pauseMs > deadline) return undefined
    await sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * GROWTH, maxMs * pace)
  }
}

/**
 * Looks for what the platform may show late, and resolves with it; undefined when a look shows nothing that began when the
 * time was up, however long the looks before it took.
 */
export async function foundWithin<T extends object>(
  look: () => Promise<T | undefined>,
  rhythm: Pace,
  { timeoutMs, pace }: Patience,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  const until = performance.now() + timeoutMs
  const lookOrEnd = async () => {
    const isLast = performance.now() >= until
    return (await look()) ?? (isLast ? 'none' : undefined)
  }
  const endless = { timeoutMs: Number.POSITIVE_INFINITY, pace }
  const found = await lookUntil(lookOrEnd, rhythm, endless, signal)
  return typeof found === 'object' ? found : undefined
}
