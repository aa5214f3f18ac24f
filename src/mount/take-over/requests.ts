import type { LedgerRecord } from '../ledger-record.ts'
import type { MountContext } from '../mount-context.ts'
import type { VolumeSession } from '../volume-session.ts'
import type { Holder } from './holder.ts'

type Requested = NonNullable<LedgerRecord['takeOver']>

/** What was asked for about the attachment of another machine, as the ledger has it: the next process goes on from there. */
export class Requests {
  readonly #session: VolumeSession

  constructor(session: VolumeSession) {
    this.#session = session
  }

  /** What was requested about this very attachment, by this process or one before it. */
  about({ id, attachment }: Holder): Requested | undefined {
    const { takeOver } = this.#session.record
    const isThis = takeOver?.from === id && takeOver.since === attachment.since.toISOString()
    return isThis ? takeOver : undefined
  }

  /** Writes down what is about to be requested; on disk when this resolves. */
  async note(holder: Holder, change: Partial<Requested>): Promise<void> {
    const since = holder.attachment.since.toISOString()
    const begun = { from: holder.id, since, begunAt: new Date().toISOString() }
    const requested = this.about(holder) ?? begun
    await this.#session.update({ takeOver: { ...requested, ...change } })
  }

  /** Forgets what was requested about another attachment than this one. */
  async forgetOthers(holder: Holder): Promise<void> {
    if (this.#session.record.takeOver !== undefined && this.about(holder) === undefined)
      await this.#session.update({ takeOver: undefined })
  }

  /** The platform refused to stop the holder: what is left is a detach, where one was requested. */
  async stopRefused(holder: Holder): Promise<void> {
    const requested = this.about(holder)
    const isAsked = requested?.detachRequestedAt !== undefined
    await this.#session.update({
      takeOver: isAsked ? { ...requested, stopRequestedAt: undefined } : undefined,
    })
  }
}

/** Records that a holder has let go of which that was requested from here; nothing where nothing was. */
export function recordTakenOver(
  { service, events, logger }: MountContext,
  { record: { takeOver }, facts }: VolumeSession,
  byForce: boolean,
): void {
  if (takeOver === undefined) return
  const stopped = takeOver.stopRequestedAt === undefined ? '' : 'was stopped and '
  const cause = `${takeOver.from} ${stopped}was detached${byForce ? ' by force' : ''}`
  events.record({
    kind: 'taken-over',
    service: service.name,
    volume: facts.name,
    volumeId: facts.id,
    instance: takeOver.from,
    durationMs: Math.max(0, Date.now() - Date.parse(takeOver.begunAt)),
    cause,
  })
  logger.warn(`volume ${facts.name} was taken over: ${cause}`, { volumeId: facts.id })
}
