import { AbortedError, isStorageError, volumeNamed } from '../libstorage/errors.ts'
import { after, type Timer, throwIfAborted, timeLimit, untilAborted } from '../libstorage/wait.ts'
import type { Background } from './background.ts'
import type { VolumeFacts } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import type { Reference } from './references.ts'
import type { VolumeSession } from './volume-session.ts'

/** How often what is owed is tried again, in milliseconds. */
const RETRY_MS = 5_000
/** How long a further try waits for another process, in milliseconds: a Mount that comes meanwhile waits behind it. */
const RETRY_PATIENCE_MS = 1_000
/** How long the end of a server waits for what has not had its turn, in milliseconds. */
const LAST_MS = 5_000

/** Something that was asked for once and is not asked for again, whatever becomes of it. */
export interface Debt {
  readonly facts: VolumeFacts
  /** As a message names it: `the Unmount by mount id 0123`. */
  readonly what: string
  /** What a session says it is for. */
  readonly purpose: string
  /** Of several of one volume with one key only the latest counts. */
  readonly key?: string
  /** How long it takes until it is tried again, in milliseconds; 5 s by itself. */
  readonly retryMs?: number
  /** What it makes of the references; absent where it does not change them. */
  readonly change?: (references: readonly Reference[]) => readonly Reference[]
  /** What is left to a person where the server ends before it is done, as a clause; absent where its next start does it. */
  readonly byHand?: string
  readonly work: (session: VolumeSession) => Promise<void>
}

/**
 * Tries again what failed and nobody repeats, until it is done or the server ends: it is told of in the log when it failed,
 * and when it is done. A command has no later, and tries once.
 */
export class Owed {
  readonly #context: MountContext
  readonly #background: Background
  readonly #asked = new Set<Debt>()
  readonly #owed = new Map<Debt, Timer>()
  readonly #attempts = new Set<Promise<void>>()
  readonly #working = new Set<Promise<void>>()
  readonly #ending = new AbortController()
  #isClosing = false

  constructor(context: MountContext, background: Background) {
    this.#context = context
    this.#background = background
  }

  /** Does it when its turn has come. Rejects as the work or the waiting does; then it is tried again. */
  async run(debt: Debt): Promise<void> {
    const { sessions, role } = this.#context
    const { facts, purpose, work } = debt
    if (role === 'command') return await sessions.run(facts, purpose, undefined, work)
    this.#supersede(debt)
    this.#asked.add(debt)
    try {
      await this.#attempt(debt)
    } catch (error) {
      if (this.#asked.has(debt)) this.#owe(debt, error)
      throw error
    }
  }

  /** The same for what nobody waits for. */
  begin(debt: Debt): void {
    const { facts, purpose, work } = debt
    if (this.#context.role === 'command') this.#background.run(facts, purpose, work)
    else this.run(debt).catch(() => {})
  }

  /**
   * Makes of the references what is owed to them, and releases nothing by that: a Mount, which came after all of it, begins
   * so. What another Mount may have taken meanwhile is safe from then on.
   */
  async pay(session: VolumeSession): Promise<void> {
    const debts = this.#owedTo(session.facts.id).filter(({ change }) => change !== undefined)
    const before = session.record.references
    const after = debts.reduce(
      (references, { change }) => change?.(references) ?? references,
      before,
    )
    if (after !== before) await session.update({ references: after })
    for (const debt of debts) this.#noteDone(debt)
  }

  /** Tries what is owed to references once more; waits for what has begun, and a moment for what has not had its turn. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const [debt, timer] of this.#owed) {
      timer.cancel()
      if (debt.change !== undefined) void this.#again(debt)
    }
    const attempts = Promise.allSettled(this.#attempts)
    await untilAborted(attempts, timeLimit(LAST_MS)).catch(() => {})
    this.#ending.abort(
      new AbortedError({ subject: 'the work', problem: 'was given up at the end' }),
    )
    await Promise.allSettled(this.#working)
    for (const debt of [...this.#asked, ...this.#owed.keys()]) this.#noteLeft(debt)
  }

  #attempt(debt: Debt, ms?: number): Promise<void> {
    const { facts, purpose } = debt
    const { signal } = this.#ending
    const work = (session: VolumeSession) => this.#do(debt, session)
    const attempt = this.#context.sessions.run(facts, purpose, signal, work, { ms, until: signal })
    return remembered(this.#attempts, attempt)
  }

  async #do(debt: Debt, session: VolumeSession): Promise<void> {
    // A Mount, or one of its kind, may have come before.
    if (!this.#asked.has(debt) && !this.#owed.has(debt)) return
    throwIfAborted(this.#ending.signal)
    await remembered(this.#working, debt.work(session))
    this.#noteDone(debt)
  }

  #owe(debt: Debt, error: unknown): void {
    if (this.#isClosing) return
    const message = error instanceof Error ? error.message : String(error)
    const stack = isStorageError(error) || !(error instanceof Error) ? undefined : error.stack
    this.#context.logger.warn(
      `${named(debt)} failed, and is tried again until it is done: ${message}`,
      { volumeId: debt.facts.id, stack },
    )
    this.#asked.delete(debt)
    this.#schedule(debt)
  }

  #schedule(debt: Debt): void {
    const timer = after(debt.retryMs ?? RETRY_MS, () => void this.#again(debt))
    this.#owed.set(debt, timer)
  }

  async #again(debt: Debt): Promise<void> {
    try {
      await this.#attempt(debt, RETRY_PATIENCE_MS)
    } catch (error) {
      if (!this.#owed.has(debt) || this.#isClosing) return
      this.#context.logger.debug(`${named(debt)} failed again: ${String(error)}`)
      this.#schedule(debt)
    }
  }

  #noteDone(debt: Debt): void {
    this.#asked.delete(debt)
    if (!this.#forget(debt)) return
    const fields = { volumeId: debt.facts.id }
    // Whoever was told that it failed wants to know, whatever the level.
    this.#context.logger.warn(`${named(debt)}, which had failed, is done`, fields)
  }

  #noteLeft(debt: Debt): void {
    if (debt.byHand === undefined) return
    const fields = { volumeId: debt.facts.id }
    this.#context.logger.warn(`${named(debt)} is not done at the end, ${debt.byHand}`, fields)
  }

  #supersede({ facts, key }: Debt): void {
    if (key === undefined) return
    for (const debt of this.#owedTo(facts.id)) if (debt.key === key) this.#forget(debt)
  }

  #owedTo(id: string): readonly Debt[] {
    return [...this.#owed.keys()].filter(({ facts }) => facts.id === id)
  }

  #forget(debt: Debt): boolean {
    this.#owed.get(debt)?.cancel()
    return this.#owed.delete(debt)
  }
}

function named({ what, facts }: Debt): string {
  return `${what} of ${volumeNamed(facts.name)}`
}

function remembered(all: Set<Promise<void>>, one: Promise<void>): Promise<void> {
  all.add(one)
  const forget = () => void all.delete(one)
  one.then(forget, forget)
  return one
}
