import { AbortedError, TimeoutError } from './errors.ts'

/** Resolves after so many milliseconds; rejects with the signal's reason as soon as it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal))
      return
    }
    const onAbort = () => {
      clearTimeout(timer)
      reject(abortReason(signal))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Something that will happen once, unless it is cancelled before. */
export interface Timer {
  cancel(): void
}

/** Calls back after so many milliseconds. The timer does not keep the process alive. */
export function after(ms: number, callback: () => void): Timer {
  const timer = setTimeout(callback, ms)
  timer.unref()
  return { cancel: () => clearTimeout(timer) }
}

/**
 * A signal that is aborted after so many milliseconds, as by a deadline. It does not keep the process alive. Beneath
 * `AbortSignal.any` one of `AbortSignal.timeout` is lost with the next collection of memory, this one never.
 */
export function timeLimit(ms: number): AbortSignal {
  const controller = new AbortController()
  after(ms, () =>
    controller.abort(
      new TimeoutError({ subject: 'the operation', problem: 'took longer than its deadline' }),
    ),
  )
  return controller.signal
}

/** How often and how long something is looked at. */
export interface PollOptions {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks until the answer is something other than undefined, and resolves with it; undefined when the time is up.
 * The first question is asked at once.
 */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  options: PollOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() + options.intervalMs > deadline) return undefined
    await sleep(options.intervalMs, options.signal)
  }
}

/** Waits for a promise no longer than the signal lasts. The work behind the promise goes on. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The error that an aborted call ends with: what the signal was given if that is an error of ours, else "the caller went away". */
export function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  if (reason instanceof AbortedError || reason instanceof TimeoutError) return reason
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new TimeoutError({
      subject: 'the operation',
      problem: 'took longer than its deadline',
      cause: reason,
    })
  }
  return new AbortedError({
    subject: 'the operation',
    problem: 'was given up by its caller',
    cause: reason,
  })
}

/** Rejects when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** Resolves when all have, like `Promise.all`; but where one rejects, only when the others have come to an end too. */
export async function together<T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work)
  return await Promise.all(work)
}
