import { sleep } from '../../libstorage/wait.ts'
import { UsualTime } from './usual-time.ts'

/** How fast a platform is, and how long it is waited for. */
export interface Tempo {
  /** How long a change of state may take, in milliseconds. */
  readonly timeoutMs: number
  /** What all pauses are multiplied by: 1 for EC2, less for one that is faster. */
  readonly pace: number
}

/**
 * How long and how often EC2 is asked the same, in milliseconds of its own time: it hides for a while what was made and
 * shows what was removed, and not all of it knows the same.
 */
export interface Patience<T> {
  /** How long in all; as long as a change of state may take where this is absent. */
  readonly forMs?: number
  /** The pause before the first question, if any. */
  readonly firstMs?: number
  /** The pause after it; the later ones grow by half up to `maxMs`. */
  readonly nextMs: number
  readonly maxMs: number
  /** What the time of the first question is learnt by; nothing is learnt without. */
  readonly usual?: UsualTime
  /** Whether an answer is the one that is waited for; any but undefined is where this is absent. */
  readonly until?: (answer: T) => boolean
}

const GROWTH = 1.5

/**
 * Asks until the answer is the one that is waited for, and resolves with it; else with that to the first question that is
 * put when the time is up, however long those before it took. Rejects as a question does.
 */
export async function askUntil<T>(
  ask: () => Promise<T>,
  patience: Patience<T>,
  { timeoutMs, pace }: Tempo,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { forMs, firstMs: leastMs = 0, usual = new UsualTime(), until = isThere } = patience
  const limitMs = forMs === undefined ? timeoutMs : forMs * pace
  const stepMs = patience.nextMs * pace
  const longestMs = patience.maxMs * pace
  const mostMs = Math.min(longestMs, limitMs)
  const firstMs = usual.firstLook(leastMs * pace, mostMs)
  const begun = performance.now()
  if (firstMs > 0) await sleep(firstMs, signal)
  for (let pauseMs = stepMs, isFirst = true; ; isFirst = false) {
    const askedAfterMs = performance.now() - begun
    const answer = await ask()
    if (until(answer)) {
      const seenMs = isFirst ? firstMs : Math.min(askedAfterMs, mostMs)
      usual.learn({ firstMs, seenMs, stepMs })
      return answer
    }
    if (askedAfterMs >= limitMs) return answer
    await sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * GROWTH, longestMs)
  }
}

function isThere(answer: unknown): boolean {
  return answer !== undefined
}
