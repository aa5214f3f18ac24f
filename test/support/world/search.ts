import fc from 'fast-check'
import type { Faults } from './faults.ts'
import { type History, histories } from './history.ts'
import { type Outcome, play } from './play.ts'
import type { WorldNature } from './world.ts'

/** The policies of `mount.preempt` that histories are lived under. */
export const POLICIES: readonly WorldNature['policy'][] = [false, true, 'dead', 'fence']

/** How many lines of a story are told at most. */
const TOLD_LINES = 200

/** Which histories are tried, and how many. */
export interface Search {
  readonly policies: readonly WorldNature['policy'][]
  readonly runs: number
  readonly seed: number
  readonly faults?: Faults
  /** The first finding is enough, however long. */
  readonly isHasty?: boolean
  /** Begins with this history, as a report names it. */
  readonly path?: string
}

/** A history that breaks a rule, as short as it was found. */
export interface Finding {
  readonly history: History
  readonly outcome: Outcome
  /** All that is needed to see it again: fast-check's seed and path, and the story. */
  readonly report: string
}

/** Tries histories until one breaks a rule; that one is shrunk. Undefined when all of them keep the rules. */
export async function search({
  policies,
  runs,
  seed,
  faults = {},
  isHasty = false,
  path,
}: Search): Promise<Finding | undefined> {
  const property = fc.asyncProperty(histories(policies), async (history) => {
    const { violation } = await play(history, faults)
    return violation === undefined
  })
  const details = await fc.check(property, {
    numRuns: runs,
    seed,
    endOnFailure: isHasty,
    ...(path === undefined ? {} : { path }),
  })
  const [history] = details.counterexample ?? []
  if (history === undefined) return undefined
  const outcome = await play(history, faults)
  return { history, outcome, report: reportOf(history, outcome, details) }
}

function reportOf(
  { steps: _steps, ...nature }: History,
  { violation, story }: Outcome,
  { seed, counterexamplePath, numRuns, numShrinks }: fc.RunDetails<[History]>,
): string {
  const left = story.length - TOLD_LINES
  return [
    `${violation}`,
    `seed ${seed}, path ${counterexamplePath}, history ${numRuns}, shrunk ${numShrinks} times`,
    `world: ${JSON.stringify(nature)}`,
    ...(left > 0 ? [`(${left} lines before)`] : []),
    ...story.slice(-TOLD_LINES),
  ].join('\n')
}
