import { NotFoundError, volumeNamed } from '../libstorage/errors.ts'
import type { InstanceId, VolumeId } from '../libstorage/types.ts'
import { after, type Timer } from '../libstorage/wait.ts'
import type { Background } from './background.ts'
import { bringUp } from './bring-up.ts'
import { Later } from './later.ts'
import {
  factsOf,
  type LedgerRecord,
  newRecord,
  recordedAttachment,
  rememberedVolume,
  type VolumeFacts,
} from './ledger-record.ts'
import { isLeftFrozen } from './left-frozen.ts'
import { lookHere } from './look-here.ts'
import type { MountContext } from './mount-context.ts'
import type { Owed } from './owed.ts'
import { attachedTo, isAskedFor, isConfirmed, isSameAttachment } from './platform-answer.ts'
import { awaitThaw } from './quiet.ts'
import { type NextStep, type PlatformFacts, type Reconciled, reconcile } from './reconcile.ts'
import { doubtUnheld } from './references.ts'
import type { Releaser } from './releaser.ts'
import { republish } from './trial.ts'
import type { VolumeSession } from './volume-session.ts'
import { Watch } from './watch.ts'

/** How long after a start whoever used a volume before has to come back, in milliseconds. */
const GRACE_MS = 120_000
/** How long after an outage, or an answer that the kernel contradicts, the platform is asked again, in milliseconds. */
const ASK_AGAIN_MS = 30_000
/** How long after a comparison that failed it is made again, in milliseconds: what it mends may take long to fail. */
const COMPARE_AGAIN_MS = 30_000

/** What is known beside the kernel when a record is compared. */
interface Answer {
  readonly here: InstanceId | undefined
  readonly platform: PlatformFacts
}

const NOTHING_YET: Answer = { here: undefined, platform: { says: 'nothing yet' } }

/** What a reconciler hands on to. */
export interface ReconcilerParts {
  readonly releaser: Releaser
  readonly background: Background
  readonly owed: Owed
  /** Looks after a volume that may be lost. */
  readonly suspect: (record: LedgerRecord) => void
}

/**
 * Compares the ledger with the kernel and the platform, and does what follows: when a server starts, and when something is
 * left over by a command that was killed. Only a server does this.
 */
export class Reconciler {
  readonly #context: MountContext
  readonly #releaser: Releaser
  readonly #background: Background
  readonly #owed: Owed
  readonly #formats = new Later()
  readonly #watch: Watch
  readonly #suspect: (record: LedgerRecord) => void
  #asking: Timer | undefined
  #isAsking = false

  constructor(context: MountContext, { releaser, background, owed, suspect }: ReconcilerParts) {
    this.#context = context
    this.#releaser = releaser
    this.#background = background
    this.#owed = owed
    this.#suspect = suspect
    this.#watch = new Watch(
      context.ledger,
      {
        isScheduled: (id) => this.#releaser.isScheduled(id) || this.#formats.has(id),
        isFrozen: (record) => isLeftFrozen(record, context.machine),
      },
      (record) => this.#compare(record.volume, record, NOTHING_YET, 'look at what was left over'),
    )
  }

  /**
   * Takes over what the ledger says. Each volume's own operations wait until it was compared with the kernel; no other
   * call waits, and none waits for the platform.
   */
  start(): void {
    const { ledger, service } = this.#context
    for (const record of ledger.all()) {
      service.catalog.remember(rememberedVolume(record))
      this.#compare(record.volume, record, NOTHING_YET, 'reconciliation')
    }
    this.#ask()
    service.outage.onEnd(() => this.#ask())
    this.#watch.start()
  }

  /** Begins nothing more. What is under way is the background's. */
  async close(): Promise<void> {
    this.#asking?.cancel()
    this.#watch.close()
    await this.#formats.close()
  }

  /** An outage of the platform is waited for; its end asks again, unless that was seen by asking. */
  #ask(): void {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#asking?.cancel()
    this.#compareWithPlatform()
      .catch((error: unknown) => {
        const message = `what is attached here cannot be compared yet, and is asked for again: ${String(error)}`
        this.#context.logger.warn(message)
        this.#askLater()
      })
      .finally(() => {
        this.#isAsking = false
      })
  }

  #askLater(): void {
    this.#asking?.cancel()
    this.#asking = after(ASK_AGAIN_MS, () => this.#ask())
  }

  async #compareWithPlatform(): Promise<void> {
    const { ledger, service, machine } = this.#context
    const before = ledger.all()
    const here = (await service.executor.instance()).id
    const attached = await service.driver.volumes({ instanceId: here })
    const records = new Map(before.map((record) => [record.volume.id, record]))
    const attachedIds = new Set(attached.map(({ id }) => id))
    for (const volume of attached) {
      const platform = attachedTo(volume, here)
      const known = records.get(volume.id)
      // All else that a comparison could find was found when the record was compared with the kernel.
      if (known !== undefined && isConfirmed(known, here, platform, machine.bootId())) continue
      this.#compare(factsOf(volume), known, { here, platform }, 'comparison with the platform')
    }
    const others = before.filter(
      (record) => isAskedFor(record) && !attachedIds.has(record.volume.id),
    )
    for (const record of others) {
      const platform = await this.#whereIs(record.volume.id, here)
      this.#compare(record.volume, record, { here, platform }, 'comparison with the platform')
    }
  }

  async #whereIs(id: VolumeId, here: InstanceId): Promise<PlatformFacts> {
    try {
      return attachedTo(await this.#context.service.driver.volume(id), here)
    } catch (error) {
      if (error instanceof NotFoundError) return { says: 'gone' }
      throw error
    }
  }

  #compare(
    facts: VolumeFacts,
    asked: LedgerRecord | undefined,
    answer: Answer,
    purpose: string,
  ): void {
    const work = async (session: VolumeSession) => {
      const { ledger } = this.#context
      await awaitThaw(session)
      const stored = ledger.get(facts.id)
      // What was attached or detached meanwhile is newer than the answer.
      const isOld = stored !== undefined && !isSameAttachment(stored, asked)
      const { here, platform } = isOld ? NOTHING_YET : answer
      const before = stored ?? this.#candidate(facts, { here, platform })
      const { record, next } = await this.#reconcile(before, { here, platform })
      // Attached by hand, and nothing of it where we would mount it: none of ours.
      if (stored === undefined && record.adopted !== true) return
      if (JSON.stringify(record) !== JSON.stringify(stored)) await session.replace(record)
      if (record.adopted === true && stored?.adopted !== true) this.#noteAdopted(record)
      await this.#act(session, next)
    }
    // What is frozen is found again by the watch; to thaw it on a disk that hangs takes its time.
    const isFrozen = asked !== undefined && isLeftFrozen(asked, this.#context.machine)
    if (isFrozen) this.#background.run(facts, purpose, work)
    else
      this.#owed.begin({
        facts,
        what: `the ${purpose}`,
        purpose,
        key: purpose,
        retryMs: COMPARE_AGAIN_MS,
        work,
      })
  }

  async #reconcile(before: LedgerRecord, { here, platform }: Answer): Promise<Reconciled> {
    const { machine } = this.#context
    const attached =
      platform.says === 'here' ? this.#candidate(before.volume, { here, platform }) : before
    const kernel = await lookHere(this.#context, before, recordedAttachment(attached))
    const now = new Date().toISOString()
    return reconcile(before, { bootId: machine.bootId(), now, here, kernel, platform })
  }

  async #act(session: VolumeSession, next: NextStep): Promise<void> {
    const { facts } = session
    if (next.kind === 'lost' || next.kind === 'ask again') this.#suspect(session.record)
    if (next.kind === 'ask again') this.#askLater()
    if (next.kind === 'lost' || next.kind === 'ask again') return
    if (next.kind === 'put back') return await this.#putBack(session)
    // What is going to be tried already keeps its time.
    if (this.#releaser.isScheduled(facts.id)) return
    if (next.kind === 'release') this.#releaseLeftover(session)
    if (next.kind === 'release unless mounted') this.#releaser.schedule(facts, GRACE_MS)
    if (next.kind === 'doubt') this.#releaser.scheduleTrial(facts, GRACE_MS)
    if (next.kind === 'finish format' && !this.#formats.has(facts.id)) this.#finishLater(facts)
  }

  #releaseLeftover({ facts, record }: VolumeSession): void {
    const message = `${volumeNamed(facts.name)} was left here by a process that died, nobody uses it, and it is released`
    if ((record.attachment ?? record.mount) !== undefined)
      this.#context.logger.info(message, { volumeId: facts.id })
    this.#releaser.schedule(facts, 0)
  }

  async #putBack(session: VolumeSession): Promise<void> {
    this.#context.logger.warn(
      `${volumeNamed(session.facts.name)} is used and not at its place, where it is mounted again`,
    )
    await this.#doubtUnheld(session)
    await republish(this.#context, session, rememberedVolume(session.record))
    const { references } = session.record
    const isDoubted = references.some(({ doubtedSince }) => doubtedSince !== undefined)
    if (isDoubted) this.#releaser.scheduleTrial(session.facts, GRACE_MS)
  }

  /** An engine unmounts what a managed plugin mounted when it disables it; containers that end until it is enabled cannot say so. */
  async #doubtUnheld(session: VolumeSession): Promise<void> {
    const { publisher, service } = this.#context
    const attachment = recordedAttachment(session.record)
    if (!publisher.tellsUse || attachment === undefined) return
    const device = await service.executor.device(attachment)
    if (device === undefined || !(await publisher.isFree(device))) return
    const now = new Date().toISOString()
    await session.update({ references: doubtUnheld(session.record.references, now) })
  }

  #finishLater(facts: VolumeFacts): void {
    this.#formats.schedule(facts.id, GRACE_MS, async () =>
      this.#background.run(facts, 'the format that was cut short', async (session) => {
        try {
          await this.#finishFormat(session)
        } catch (error) {
          this.#finishLater(facts)
          throw error
        }
      }),
    )
  }

  /** Half a file system would need a person; a whole one, let go, is what every machine can use. */
  async #finishFormat(session: VolumeSession): Promise<void> {
    const { record, facts } = session
    if (record.formatIntent === undefined || record.references.length > 0) return
    const { catalog, executor } = this.#context.service
    const attachment = recordedAttachment(record)
    if (attachment !== undefined && (await executor.device(attachment)) !== undefined) {
      await session.awaitTool()
      const volume = await catalog.find(facts.id, { fresh: true })
      await bringUp(this.#context, session, volume, { preempt: false, forced: false })
    } else await session.update({ formatIntent: undefined })
    this.#releaser.schedule(facts, 0)
  }

  /** The record of a volume that is attached here, as if nothing else were known of it. */
  #candidate(facts: VolumeFacts, { here, platform }: Answer): LedgerRecord {
    const { service, machine } = this.#context
    const record = newRecord(service.name, facts, machine.bootId())
    if (platform.says !== 'here' || here === undefined) return record
    return { ...record, attachment: { instanceId: here, since: platform.since } }
  }

  #noteAdopted({ volume: { id, name }, attachment, olderMounts }: LedgerRecord): void {
    const { logger, events, service } = this.#context
    const at = olderMounts === undefined ? '' : ` at ${olderMounts.join(', ')}`
    logger.warn(`volume ${name} was found mounted${at} without a record of it, and is adopted`)
    const instance = attachment?.instanceId
    events.record({ kind: 'adopted', service: service.name, volume: name, volumeId: id, instance })
  }
}
