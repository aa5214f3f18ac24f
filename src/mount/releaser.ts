import { isStorageError } from '../libstorage/errors.ts'
import { Later } from './later.ts'
import {
  type LedgerRecord,
  recordedAttachment,
  rememberedVolume,
  type VolumeFacts,
} from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'
import {
  dropDoubted,
  dropReference,
  holderNamed,
  mayBeStale,
  type Reference,
  trustDoubted,
} from './references.ts'
import { type Released, release, unmountHere } from './release.ts'
import type { MountSettings } from './settings.ts'
import { republish, trialRelease } from './trial.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

/** How often it is tried whether a held device is free, in milliseconds. */
const HELD_RETRY_MS = 1_000
/** How often a release is repeated that the platform refused, in milliseconds. */
const REFUSED_RETRY_MS = 5_000
/** How often doubted references are looked at while other references keep the volume mounted, in milliseconds. */
const DOUBT_RETRY_MS = 120_000

/** Lets volumes go when nobody has a reference any more: at once, after a while, or when whoever holds them does. */
export class Releaser {
  readonly #context: MountContext
  readonly #noteError: (volumeId: string, message: string | undefined) => void
  readonly #later = new Later()
  readonly #lingering = new Map<string, VolumeFacts>()
  /** Until when work that nobody waited for is kept, by `performance.now`. */
  readonly #keptUntil = new Map<string, number>()

  constructor(
    context: MountContext,
    noteError: (volumeId: string, message: string | undefined) => void,
  ) {
    this.#context = context
    this.#noteError = noteError
  }

  /** Drops a reference of this holder; the last one leaving releases the volume. An unknown holder changes nothing. */
  async drop(
    session: VolumeSession,
    holder: string,
    unmount: MountSettings['unmount'] = this.#context.settings.unmount,
  ): Promise<void> {
    if (this.#context.role === 'command') return await this.#dropCommandReference(session, holder)
    if (unmount.ignoreUsedCount) return await this.#dropAll(session, unmount)
    const { references: before, adopted } = session.record
    if (adopted === true && before.length === 0) {
      await this.#tryAdopted(session)
      return
    }
    const references = dropReference(before, holder)
    if (references === before) return
    await session.update({ references })
    if (references.length > 0) return
    // Somebody who was there before may still use it.
    await (adopted === true ? this.#letAdoptedGo(session) : this.#letGo(session, unmount))
  }

  /** Drops everybody's reference, known or not: whoever is left on an adopted volume keeps only its device here. */
  async #dropAll(session: VolumeSession, unmount: MountSettings['unmount']): Promise<void> {
    const { references, mount, olderMounts = [] } = session.record
    if (references.length === 0 && mount === undefined && olderMounts.length === 0) return
    await session.update({ references: [], adopted: undefined })
    await this.#letGo(session, unmount)
  }

  /** Who uses an adopted volume is not known: it goes if nobody else holds it, and stays as it is if somebody does. */
  #tryAdopted(session: VolumeSession): Promise<Released> {
    const volume = rememberedVolume(session.record)
    return trialRelease(this.#context, session, () => republish(this.#context, session, volume))
  }

  /** Where a process of this host keeps it mounted, that is tried again; whoever holds the device elsewhere tells us by an Unmount. */
  async #letAdoptedGo(session: VolumeSession): Promise<void> {
    try {
      if ((await this.#tryAdopted(session)) === 'busy') this.#goOn(session.facts, 'busy')
    } catch (error) {
      this.#refused(session.facts, error)
    }
  }

  /** Takes back what a Mount that failed has done; where mkfs was cut short the device stays, for the repeat to go on. */
  async undo(session: VolumeSession): Promise<void> {
    const { references, formatIntent, adopted } = session.record
    // What was found mounted before is not this Mount's to take back.
    if (references.length > 0 || formatIntent !== undefined || adopted === true) return
    try {
      this.#goOn(session.facts, await release(this.#context, session))
    } catch (error) {
      this.#refused(session.facts, error)
    }
  }

  /** Releases after so many milliseconds, unless somebody has a reference by then. */
  schedule(facts: VolumeFacts, delayMs: number): void {
    this.#later.schedule(facts.id, delayMs, () => this.#attempt(facts))
  }

  /** Whether this process has unmounted the volume and keeps it attached for a moment. */
  isLingering(id: string): boolean {
    return this.#lingering.has(id)
  }

  /** Whether a release of this volume, or a trial of one, is going to be tried. */
  isScheduled(id: string): boolean {
    return this.#later.has(id) || this.#later.has(doubtKey(id))
  }

  /** Looks after so many milliseconds whether references of doubt are used by anybody. */
  scheduleTrial(facts: VolumeFacts, delayMs: number): void {
    this.#later.schedule(doubtKey(facts.id), delayMs, () =>
      this.#inSession(
        facts,
        (session) => this.#tryDoubted(session),
        () => this.scheduleTrial(facts, DOUBT_RETRY_MS),
      ),
    )
  }

  /** Releases after so many milliseconds, and not before, whatever has waited for its turn meanwhile. */
  keep(facts: VolumeFacts, delayMs: number): void {
    this.#keptUntil.set(facts.id, performance.now() + delayMs)
    this.schedule(facts, delayMs)
  }

  cancel(id: string): void {
    this.#keptUntil.delete(id)
    this.#later.cancel(id)
    this.#lingering.delete(id)
  }

  /** Ends the lingering of every volume at once, and stops trying. */
  async close(): Promise<void> {
    const lingering = [...this.#lingering.values()]
    await this.#later.close()
    await Promise.all(lingering.map((facts) => this.#attempt(facts)))
  }

  async #letGo(session: VolumeSession, { detachDelayMs }: MountSettings['unmount']): Promise<void> {
    const { facts } = session
    try {
      await session.awaitTool()
      if ((await unmountHere(this.#context, session)) === 'busy') return this.#goOn(facts, 'busy')
      if (detachDelayMs === 0) return this.#goOn(facts, await release(this.#context, session))
      this.#lingering.set(facts.id, facts)
      this.schedule(facts, detachDelayMs)
    } catch (error) {
      // The reference is dropped, which is what was asked for; the rest is ours to repeat.
      this.#refused(facts, error)
    }
  }

  /** A command has no later: either all of it is done when it answers, or nothing. */
  async #dropCommandReference(session: VolumeSession, holder: string): Promise<void> {
    const { record, facts } = session
    const others = record.references.filter(({ id }) => id !== holder)
    const named = others.map(({ id }) => holderNamed(id))
    const { tellsUse } = this.#context.publisher
    // What a crash of dockerd has left would keep the volume here for ever; only a trial tells it from what is used.
    const isTried = tellsUse && others.every((reference) => mayBeStale(reference))
    if (others.length > 0 && !isTried)
      throw stillInUse(facts.name, named, 'stop what uses it and try again')
    // A detach would end the attachment on which the permission to format again hangs.
    if (record.formatIntent !== undefined) return
    if ((await this.#tryAdopted(session)) === 'released') return
    const users = [...named, ...(await this.#users(record))]
    throw stillInUse(facts.name, users, 'end that and try again')
  }

  async #users(record: LedgerRecord): Promise<readonly string[]> {
    const attachment = recordedAttachment(record)
    const device =
      attachment === undefined ? undefined : await this.#context.service.executor.device(attachment)
    if (device === undefined) return []
    return await this.#context.publisher.users(device, placeOf(this.#context, record))
  }

  async #attempt(facts: VolumeFacts): Promise<void> {
    this.#lingering.delete(facts.id)
    await this.#inSession(
      facts,
      async (session) => {
        const { record } = session
        if (record.references.length > 0 || record.formatIntent !== undefined) return
        const keptMs = this.#keptMs(facts)
        if (keptMs > 0) return this.schedule(facts, keptMs)
        if (record.adopted === true) return await this.#letAdoptedGo(session)
        this.#goOn(facts, await release(this.#context, session))
      },
      () => this.schedule(facts, REFUSED_RETRY_MS),
    )
  }

  /** How long it is still kept: an attempt that had to wait for the work itself comes too early, one after an Unmount too. */
  #keptMs({ id }: VolumeFacts): number {
    const leftMs = Math.max(0, (this.#keptUntil.get(id) ?? 0) - performance.now())
    if (leftMs === 0) this.#keptUntil.delete(id)
    return leftMs
  }

  async #tryDoubted(session: VolumeSession): Promise<void> {
    const { record, facts } = session
    const certain = dropDoubted(record.references)
    if (!record.references.some(({ doubtedSince }) => doubtedSince !== undefined)) return
    if (certain.length > 0) return await this.#dropBesideOthers(session, certain)
    if (!this.#context.publisher.tellsUse) return this.scheduleTrial(facts, DOUBT_RETRY_MS)
    const volume = rememberedVolume(record)
    const released = await trialRelease(this.#context, session, () =>
      republish(this.#context, session, volume),
    )
    if (released === 'released') return
    await session.update({ references: trustDoubted(record.references) })
  }

  /** What is only a higher count of a holder that has a certain reference needs no trial; others wait until they are alone. */
  async #dropBesideOthers(session: VolumeSession, certain: readonly Reference[]): Promise<void> {
    const { references } = session.record
    const isCertain = ({ id }: Reference) => certain.some((other) => other.id === id)
    const kept = references.flatMap((reference) =>
      isCertain(reference) ? certain.filter(({ id }) => id === reference.id) : [reference],
    )
    await session.update({ references: kept })
    if (kept.length > certain.length) this.scheduleTrial(session.facts, DOUBT_RETRY_MS)
  }

  async #inSession(
    facts: VolumeFacts,
    work: (session: VolumeSession) => Promise<void>,
    retry: () => void,
  ): Promise<void> {
    try {
      await this.#context.sessions.run(facts, 'releases the volume', undefined, work)
    } catch (error) {
      this.#refused(facts, error, retry)
    }
  }

  #goOn(facts: VolumeFacts, released: Released): void {
    if (released !== 'released') this.schedule(facts, HELD_RETRY_MS)
  }

  #refused(
    facts: VolumeFacts,
    error: unknown,
    retry = () => this.schedule(facts, REFUSED_RETRY_MS),
  ): void {
    const message = error instanceof Error ? error.message : String(error)
    const stack = isStorageError(error) || !(error instanceof Error) ? undefined : error.stack
    this.#noteError(facts.id, message)
    this.#context.logger.warn(`release of ${facts.name} failed and is tried again: ${message}`, {
      stack,
    })
    retry()
  }
}

function doubtKey(id: string): string {
  return `${id} doubt`
}
