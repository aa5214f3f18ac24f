import type { Reference, WebSession } from './client.ts'
import type { Facts } from './facts.ts'
import type { Medium } from './media.ts'

/** For how long what was seen of a disk counts, in milliseconds; somebody else may make it larger meanwhile. */
const FRESH_MS = 30_000
/** What a mark says for good, or until the disk is attached; anything else in it may end at any moment. */
const LASTING: ReadonlySet<string> = new Set<keyof Facts>([
  'kind',
  'name',
  'labels',
  'createdAt',
  'madeFrom',
  'attachment',
])

/**
 * What the disks that no machine has were like when they were last looked at. One question, whether a machine has it now,
 * then stands for the seven that a disk costs; a disk that is gone is not asked about at all.
 */
export class SeenMedia {
  readonly #seen = new Map<Reference, { readonly medium: Medium; readonly at: number }>()

  /** Notes what was seen, where it lasts. */
  note(medium: Medium): void {
    if (lasts(medium)) this.#seen.set(medium.ref, { medium, at: performance.now() })
    else this.#seen.delete(medium.ref)
  }

  /** Forgets all but these. */
  keep(refs: readonly Reference[]): void {
    const there = new Set(refs)
    for (const ref of this.#seen.keys()) if (!there.has(ref)) this.#seen.delete(ref)
  }

  /** What was seen of a disk not long ago, if no machine has it since. */
  async recall(
    session: WebSession,
    ref: Reference,
    signal: AbortSignal | undefined,
  ): Promise<Medium | undefined> {
    const seen = this.#seen.get(ref)
    if (seen === undefined || performance.now() - seen.at > FRESH_MS) return undefined
    const machineIds = await session.call('IMedium_getMachineIds', { _this: ref }, signal)
    return machineIds.length === 0 ? seen.medium : undefined
  }
}

function lasts({ state, machineIds, facts }: Medium): boolean {
  const isFree = state === 'Created' && machineIds.length === 0
  return isFree && Object.keys(facts ?? {}).every((key) => LASTING.has(key))
}
