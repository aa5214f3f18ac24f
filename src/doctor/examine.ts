import { setMaxListeners } from 'node:events'
import type { Check, Finding, Verdict } from '../libstorage/check.ts'
import { isStorageError, TimeoutError } from '../libstorage/errors.ts'
import { sleep, throwIfAborted, untilAborted } from '../libstorage/wait.ts'

/** Checks that belong together: those of this machine, or those of one service. */
export interface CheckGroup {
  /** The service that is looked at; absent for this machine. */
  readonly service?: string
  readonly checks: readonly Check[]
}

/** One check and what it found. */
export interface CheckResult {
  readonly id: string
  readonly title: string
  readonly service?: string
  /** At least one. */
  readonly findings: readonly Finding[]
}

/** How long checks may take, in milliseconds. */
export interface TimeLimits {
  /** Each one of them. */
  readonly eachMs: number
  /** All of them together, however many come after one another. */
  readonly allMs: number
}

/** What a person waits for; a check that hangs with others after it ends within the second of the two. */
export const TIME_LIMITS: TimeLimits = { eachMs: 5_000, allMs: 9_000 }

/** From the least to the gravest. */
const GRAVITY: readonly Verdict[] = ['pass', 'skip', 'warn', 'fail']

/**
 * Runs all checks side by side, each as soon as those that it comes after have ended; one of which another failed is
 * skipped. A check may come after those before it in its own group, or else in the group of this machine. Resolves with
 * the results in the order of the checks, and rejects only when the signal is aborted.
 */
export async function examine(
  groups: readonly CheckGroup[],
  { eachMs, allMs }: TimeLimits = TIME_LIMITS,
  signal: AbortSignal = new AbortController().signal,
): Promise<readonly CheckResult[]> {
  const deadline = performance.now() + allMs
  const running = new Map<string, Promise<CheckResult>>()
  const resultOf = async ({ service }: CheckGroup, check: Check): Promise<CheckResult> => {
    const before = (check.after ?? []).map(
      (id) => running.get(keyOf(id, service)) ?? running.get(keyOf(id)),
    )
    const { id, title } = check
    const named = { id, title, ...(service !== undefined && { service }) }
    const obstacle = obstacleAmong(await Promise.all(before.filter((one) => one !== undefined)))
    if (obstacle !== undefined) return { ...named, findings: [obstacle] }
    const limitMs = Math.max(0, Math.min(eachMs, deadline - performance.now()))
    return { ...named, findings: await findingsOf(check, limitMs, signal) }
  }
  for (const group of groups)
    for (const check of group.checks)
      running.set(keyOf(check.id, group.service), resultOf(group, check))
  const results = await Promise.all(running.values())
  throwIfAborted(signal)
  return results
}

/** The gravest verdict among findings. */
export function gravest(findings: readonly Pick<Finding, 'verdict'>[]): Verdict {
  const ranks = findings.map(({ verdict }) => GRAVITY.indexOf(verdict))
  return GRAVITY[Math.max(0, ...ranks)] ?? 'pass'
}

function keyOf(id: string, service = ''): string {
  return `${service}/${id}`
}

/** Why a check cannot run after these, in the words of the first thing that went wrong. */
function obstacleAmong(results: readonly CheckResult[]): Finding | undefined {
  for (const { id, findings } of results) {
    const verdict = gravest(findings)
    if (verdict === 'fail') return { verdict: 'skip', seen: `not looked at, because ${id} failed` }
    const [skipped] = findings
    if (verdict === 'skip' && skipped !== undefined) return skipped
  }
  return undefined
}

async function findingsOf(
  check: Check,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const ending = new AbortController()
  const both = AbortSignal.any([signal, ending.signal])
  // A check may ask many things at once.
  setMaxListeners(0, both)
  const tooLate = sleep(limitMs, both).then(
    () => ending.abort(new TimeoutError({ subject: check.title, problem: 'gave no answer' })),
    () => undefined,
  )
  try {
    const found = await untilAborted(check.run(both), both)
    return found.length === 0 ? [{ verdict: 'pass', seen: check.title }] : found
  } catch (error) {
    return [both.aborted ? hanging(check, limitMs) : failure(error)]
  } finally {
    ending.abort()
    await tooLate
  }
}

function hanging({ title }: Check, limitMs: number): Finding {
  const waited = limitMs < 1_000 ? `${Math.round(limitMs)} ms` : `${Math.round(limitMs / 1_000)} s`
  return {
    verdict: 'fail',
    seen: `${title}: no answer within ${waited}`,
    remedy: 'see what hangs: a disk, the network or a daemon that is asked there',
  }
}

function failure(error: unknown): Finding {
  if (isStorageError(error))
    return {
      verdict: 'fail',
      seen: error.finding,
      remedy: error.remedy ?? 'mend that and look again',
    }
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return {
    verdict: 'fail',
    seen: `this check failed by a bug of this program: ${said}`,
    remedy: 'report it, with this line',
  }
}
