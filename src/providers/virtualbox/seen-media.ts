import { together } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import { readDescription } from './facts.ts'
import { Code, hasCode } from './fault.ts'
import type { Medium } from './media.ts'

/** For how long state and size that were seen count, in milliseconds: somebody else may make a disk larger meanwhile. */
const FRESH_MS = 30_000

/**
 * What disks were like when they were last looked at. What they say of themselves is asked each time, and the machines what
 * they have: two questions for each machine then stand for six of the seven that a disk costs.
 */
export class SeenMedia {
  readonly #seen = new Map<Reference, { readonly medium: Medium; readonly at: number }>()
  readonly #machineIds = new Map<Reference, string>()
  #bases: readonly Reference[] = []

  /** The disks of the last list: none of them is an image that VirtualBox has put before another. */
  get bases(): readonly Reference[] {
    return this.#bases
  }

  /** Notes what was seen, where it lasts. */
  note(medium: Medium): void {
    const { ref, state } = medium
    if (state === 'Created' || state === 'LockedWrite')
      this.#seen.set(ref, { medium, at: performance.now() })
    else this.#seen.delete(ref)
  }

  /** Forgets all disks but these. */
  keep(refs: readonly Reference[]): void {
    const there = new Set(refs)
    for (const ref of this.#seen.keys()) if (!there.has(ref)) this.#seen.delete(ref)
    this.#bases = refs
  }

  /** A disk that was seen not long ago, with what it says of itself now; undefined where it was not. */
  async recall(
    session: WebSession,
    ref: Reference,
    signal: AbortSignal | undefined,
  ): Promise<Medium | undefined> {
    const seen = this.#seen.get(ref)
    if (seen === undefined || performance.now() - seen.at > FRESH_MS) return undefined
    return { ...seen.medium, ...(await readDescription(session, ref, signal)) }
  }

  /** The machines of the host, any of which may have a disk that was recalled; undefined where one cannot say its id. */
  async machineIds(
    session: WebSession,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[] | undefined> {
    const refs = await session.call('IVirtualBox_getMachines', { _this: session.root }, signal)
    const there = new Set(refs)
    for (const ref of this.#machineIds.keys()) if (!there.has(ref)) this.#machineIds.delete(ref)
    const ids = await together(refs.map((ref) => this.#machineId(session, ref, signal)))
    return ids.includes('unreadable') ? undefined : ids.flatMap((id) => id ?? [])
  }

  /** Undefined for a machine that is gone. */
  async #machineId(
    session: WebSession,
    _this: Reference,
    signal: AbortSignal | undefined,
  ): Promise<string | 'unreadable' | undefined> {
    const known = this.#machineIds.get(_this)
    if (known !== undefined) return known
    try {
      const id = await session.call('IMachine_getId', { _this }, signal)
      this.#machineIds.set(_this, id)
      return id
    } catch (error) {
      if (hasCode(error, Code.objectNotFound)) return undefined
      if (hasCode(error, Code.accessDenied)) return 'unreadable'
      throw error
    }
  }
}
