import { NotFoundError, TimeoutError, UnavailableError, volumeNamed } from '../libstorage/errors.ts'
import type { Volume } from '../libstorage/types.ts'
import { timeLimit, untilAborted } from '../libstorage/wait.ts'
import { answerInTime } from './answer-in-time.ts'
import { bringUp, isUp } from './bring-up.ts'
import { createVolume } from './creation.ts'
import { tookMs } from './events.ts'
import { findVolume } from './find-by-name.ts'
import type { AcquiringCall, HolderRequest, MountedVolume } from './integration-driver.ts'
import {
  factsOf,
  type LedgerRecord,
  recordedAttachment,
  type VolumeFacts,
} from './ledger-record.ts'
import { inCall, type MountContext } from './mount-context.ts'
import type { Owed } from './owed.ts'
import { placeOf } from './recorded-place.ts'
import { addReference, deliverReference, holderNamed, withdrawReference } from './references.ts'
import type { Releaser } from './releaser.ts'
import { findLoss } from './take-over/loss.ts'
import type { VolumeSession } from './volume-session.ts'
import type { VolumeViews } from './volume-views.ts'

/** How long work that nobody waited for is kept, so that a repeat finds it done, in milliseconds. */
const ABANDONED_KEPT_MS = 60_000
/** How long the record of a Mount that failed waits for the name of this machine, in milliseconds. */
const INSTANCE_MS = 1_000

/** Which volume is to be mounted, and whether the platform was asked for it just now. */
interface FoundToMount {
  /** By what it is found again. */
  readonly name: string
  readonly facts: VolumeFacts
  readonly isRemembered: boolean
}

/** A Mount that is under way. */
interface BegunMount extends HolderRequest, Pick<FoundToMount, 'isRemembered'> {
  /** When its caller began to wait, by `performance.now`. */
  readonly begun: number
}

type ReferenceChange = (references: LedgerRecord['references']) => LedgerRecord['references']

/** Mounts volumes for holders, and keeps account of who learned of it. */
export class Mounting {
  readonly #context: MountContext
  readonly #releaser: Releaser
  readonly #views: VolumeViews
  readonly #owed: Owed

  constructor(context: MountContext, releaser: Releaser, views: VolumeViews, owed: Owed) {
    this.#context = context
    this.#releaser = releaser
    this.#views = views
    this.#owed = owed
  }

  /** Brings the volume up and takes a reference; for a caller that has gone meanwhile the volume is kept for 60 s. */
  async mount({ name, holder }: HolderRequest, call: AcquiringCall): Promise<MountedVolume> {
    const { signal } = call
    const begun = performance.now()
    const { facts, ...found } = await this.#find(name, call)
    const work = this.#context.sessions.run(facts, 'mounts the volume', signal, (session) =>
      this.#mountIn(session, { ...found, holder, begun }, call),
    )
    try {
      return await answerInTime(this.#context, name, signal, work)
    } catch (error) {
      // What the caller will never learn of is taken back as soon as it is there.
      work.then(
        (mounted) => mounted.undelivered(),
        () => {},
      )
      throw error
    }
  }

  async #find(name: string, call: AcquiringCall): Promise<FoundToMount> {
    const { signal } = call
    const used = this.#context.ledger.exactly(name)
    if (used !== undefined && this.#isAtHand(used))
      return { name, facts: used.volume, isRemembered: true }
    try {
      // What a Get showed a moment ago will do: an attach that it was wrong about is refused by the platform.
      const volume = await findVolume(this.#context, name, { recent: true, signal })
      return { name, facts: factsOf(volume), isRemembered: false }
    } catch (error) {
      const context = inCall(this.#context, call)
      if (!context.settings.create.implicit || !(error instanceof NotFoundError)) throw error
      const { volume } = await createVolume(context, name, {}, signal)
      // What was found in place of making one may have the name in another letter case.
      return { name: volume.name, facts: factsOf(volume), isRemembered: false }
    }
  }

  #isAtHand(record: LedgerRecord): boolean {
    const isMounted = this.#views.mountpoint(record) !== undefined
    return isMounted || this.#releaser.isLingering(record.volume.id)
  }

  /** What is kept attached for a moment: its disk, here and verified, is the better witness, and costs no call. */
  async #lingering({ facts, record }: VolumeSession, name: string): Promise<Volume | undefined> {
    const { catalog, executor } = this.#context.service
    const attachment = recordedAttachment(record)
    const known = catalog.known(facts.id)
    if (attachment === undefined || known?.name !== name) return undefined
    if (!this.#releaser.isLingering(facts.id)) return undefined
    if ((await executor.device(attachment)) === undefined) return undefined
    const sizeGiB = Math.max(known.sizeGiB, record.volume.sizeGiB)
    return { ...known, sizeGiB, state: 'in-use', attachments: [attachment] }
  }

  async #mountIn(
    session: VolumeSession,
    { name, holder, isRemembered, begun }: BegunMount,
    call: AcquiringCall,
  ): Promise<MountedVolume> {
    const { signal } = call
    const { facts } = session
    // Whatever comes of this: what has no reference by then is released.
    this.#releaser.schedule(facts, ABANDONED_KEPT_MS)
    await this.#owed.pay(session)
    await session.awaitTool()
    const remark = (await this.#isUp(session))
      ? undefined
      : await this.#bringUp(
          session,
          { name, fresh: isRemembered || session.waited, holder, begun },
          call,
        )
    this.#views.noteError(facts.id, remark)
    const isWanted = signal?.aborted !== true
    if (isWanted) await this.#takeReference(session, { holder, begun })
    else this.#releaser.keep(facts, ABANDONED_KEPT_MS)
    const settle = (change: ReferenceChange) =>
      isWanted ? this.#settle(facts, holder, change) : undefined
    return {
      mountpoint: placeOf(this.#context, session.record).dataPath,
      delivered: () => settle((references) => deliverReference(references, holder)),
      undelivered: () => settle((references) => withdrawReference(references, holder)),
    }
  }

  async #takeReference(
    session: VolumeSession,
    { holder, begun }: Pick<BegunMount, 'holder' | 'begun'>,
  ): Promise<void> {
    const references = addReference(session.record.references, holder, new Date().toISOString())
    const { mount } = session.record
    const complete = mount === undefined ? {} : { mount: { ...mount, complete: true } }
    await session.update({ references, releasing: undefined, ...complete })
    this.#releaser.cancel(session.facts.id)
    const { id, name } = session.facts
    this.#context.events.record({
      kind: 'reference',
      service: this.#context.service.name,
      volume: name,
      volumeId: id,
      instance: session.record.attachment?.instanceId,
      holder,
      durationMs: tookMs(begun),
    })
  }

  /** A disk that hangs may have been taken away: then the platform is asked, as for one that is dead. */
  async #isUp(session: VolumeSession): Promise<boolean> {
    try {
      return await isUp(this.#context, session.record)
    } catch (error) {
      const isLost = error instanceof TimeoutError && (await findLoss(this.#context, session))
      if (!isLost) throw error
      return false
    }
  }

  async #bringUp(
    session: VolumeSession,
    { name, fresh, holder, begun }: Omit<BegunMount, 'isRemembered'> & { fresh: boolean },
    call: AcquiringCall,
  ): Promise<string | undefined> {
    const { facts } = session
    const { force = false } = call
    const context = inCall(this.#context, call)
    const preempt = force || context.settings.mount.preempt
    try {
      const volume =
        (await this.#lingering(session, name)) ?? (await findVolume(this.#context, name, { fresh }))
      if (volume.id !== facts.id) throw replacedMeanwhile(name)
      const remark = await bringUp(context, session, volume, { preempt, forced: force })
      if (remark !== undefined) this.#context.logger.warn(remark, { volume: facts.name })
      return remark
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      this.#views.noteError(facts.id, cause)
      this.#context.events.record({
        kind: 'failed',
        service: this.#context.service.name,
        volume: facts.name,
        volumeId: facts.id,
        instance: await this.#here(),
        holder,
        durationMs: tookMs(begun),
        cause,
      })
      await this.#releaser.undo(session)
      throw error
    }
  }

  /** This machine as its platform names it; undefined where it cannot tell in time, which may be what went wrong. */
  async #here(): Promise<string | undefined> {
    const asked = this.#context.service.executor.instance()
    return await untilAborted(asked, timeLimit(INSTANCE_MS)).then(
      ({ id }) => id,
      () => undefined,
    )
  }

  #settle(facts: VolumeFacts, holder: string, change: ReferenceChange): void {
    const what = `the settling of the reference of ${holderNamed(holder)}`
    const work = async (session: VolumeSession) => {
      const before = session.record.references
      const references = change(before)
      if (references === before) return
      await session.update({ references })
      if (references.length === 0) this.#releaser.schedule(facts, ABANDONED_KEPT_MS)
    }
    this.#owed.begin({ facts, what, purpose: 'settles a reference', change, work })
  }
}

function replacedMeanwhile(name: string): UnavailableError {
  return new UnavailableError({
    subject: volumeNamed(name),
    problem: 'was replaced by another one of that name just now',
    remedy: 'try again',
  })
}
