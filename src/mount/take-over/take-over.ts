import { FailedPreconditionError, isStorageError } from '../../libstorage/errors.ts'
import type { InstanceId, Volume } from '../../libstorage/types.ts'
import { sleep, timeLimit } from '../../libstorage/wait.ts'
import type { MountContext } from '../mount-context.ts'
import type { PreemptPolicy } from '../settings.ts'
import type { VolumeSession } from '../volume-session.ts'
import { type Holder, heldElsewhere, isSameAttachment, lookAtHolder } from './holder.ts'
import {
  type Demand,
  isQuiet,
  nextStep,
  policyAgainst,
  QUIET_MS,
  type Step,
  stepsFor,
} from './policy.ts'
import { cannotFence, heldBy, isRefusal, lostJustNow, stillHolding } from './refusals.ts'
import { Requests, recordTakenOver } from './requests.ts'

/** How long a machine may take to stop, or a platform to detach, before a Mount fails, in milliseconds. */
const LIMIT_MS = 600_000
/** How often it is looked at whether the holder has let go, in milliseconds. */
const LOOK_MS = 1_000

/**
 * Makes other machines let a volume go, as far as the demand allows, and resolves with the volume as it then was seen.
 * Every step looks before it acts; what the next process has to know stands in the record before it is done. Rejects with
 * `FailedPreconditionError` that names the holder where the volume is left to it.
 */
export async function takeOver(
  context: MountContext,
  session: VolumeSession,
  { seen, here, demand }: { seen: Volume; here: InstanceId; demand: Demand },
): Promise<Volume> {
  const { driver } = context.service
  const taking = new TakingOver(context, session, demand)
  for (let volume = seen; ; volume = await driver.volume(volume.id)) {
    const [attachment] = heldElsewhere(volume, here)
    if (attachment === undefined) {
      await taking.finished()
      return volume
    }
    await taking.step(await lookAtHolder(driver, attachment))
  }
}

/** One process's part in taking a volume over. */
class TakingOver {
  readonly #context: MountContext
  readonly #session: VolumeSession
  readonly #demand: Demand
  readonly #requests: Requests
  readonly #begun = performance.now()
  #holder: Holder | undefined
  #metAt = performance.now()
  /** How the holder stood when this process asked for a detach: one that is down meanwhile is asked again. */
  #detachAskedOf: 'up' | 'down' | undefined
  #stopAsked = false
  #byForce = false

  constructor(context: MountContext, session: VolumeSession, demand: Demand) {
    this.#context = context
    this.#session = session
    this.#requests = new Requests(session)
    this.#demand = demand
  }

  /** Does what comes next about this holder, or waits a moment. */
  async step(holder: Holder): Promise<void> {
    if (!isSameAttachment(this.#holder, holder)) await this.#meet(holder)
    this.#holder = holder
    const steps = stepsFor(holder.state, this.#policyAgainst(holder))
    const step = nextStep(steps, {
      waited: this.#waitLeftMs() <= 0 || this.#hadItsTime(holder),
      detachAsked: this.#isDetachAsked(holder),
      graceOver: this.#graceLeftMs(holder) <= 0,
      stopAsked: this.#stopAsked,
    })
    if (performance.now() - this.#begun > LIMIT_MS) throw this.#outOfPatience(holder)
    await this.#do(step, holder, steps)
  }

  /** Records that the holder has let go, if it was this machine that made it. */
  async finished(): Promise<void> {
    const isOurs = this.#holder !== undefined && this.#requests.about(this.#holder) !== undefined
    if (!isOurs) return
    recordTakenOver(this.#context, this.#session, this.#byForce)
    await this.#session.update({ takeOver: undefined })
  }

  #do(step: Step | undefined, holder: Holder, steps: readonly Step[]): Promise<void> {
    switch (step) {
      case 'wait':
        this.#say(holder, 'holding it', Date.now() - (performance.now() - this.#metAt))
        return this.#pause(this.#context.settings.mount.attachWaitMs, this.#waitLeftMs())
      case 'grace':
        return this.#awaitGrace(holder)
      case 'detach':
        return this.#detach(holder, steps)
      case 'force':
        return this.#force(holder)
      case 'stop':
        return this.#stop(holder)
      case 'refuse':
        return this.#refuse(holder)
      default:
        this.#sayWhatItDoes(holder)
        return this.#pause(LIMIT_MS, LIMIT_MS)
    }
  }

  /** Another attachment than before: nothing was asked of it yet by this process, and what was asked of others is over. */
  async #meet(holder: Holder): Promise<void> {
    await this.#requests.forgetOthers(holder)
    this.#metAt = performance.now()
    this.#detachAskedOf = undefined
    this.#stopAsked = false
  }

  #policyAgainst(holder: Holder): PreemptPolicy {
    return policyAgainst(holder.state, this.#demand, this.#isQuiet())
  }

  #isQuiet(): boolean {
    return isQuiet(this.#session.record.lost, Date.now())
  }

  #waitLeftMs(): number {
    return this.#context.settings.mount.attachWaitMs - (performance.now() - this.#metAt)
  }

  /** Whether something was asked of it already: it had its time before that, unless it was down, and runs again. */
  #hadItsTime(holder: Holder): boolean {
    const requested = this.#requests.about(holder)
    return requested !== undefined && (isDown(holder) || requested.wasDown !== true)
  }

  #graceLeftMs(holder: Holder): number {
    const { preemptGraceMs } = this.#context.settings.mount
    const requestedAt = this.#requests.about(holder)?.detachRequestedAt
    if (requestedAt === undefined) return preemptGraceMs
    const age = Date.now() - Date.parse(requestedAt)
    // A time in the future comes from a clock that was set back: it is not waited for longer than the grace.
    return preemptGraceMs - Math.max(0, age)
  }

  /** A request of an earlier process counts if it took hold: the crash may have come before it was sent. */
  #isDetachAsked(holder: Holder): boolean {
    if (holder.attachment.state === 'detaching') return true
    if (isDown(holder)) return this.#detachAskedOf === 'down'
    return this.#detachAskedOf === 'up' || this.#requests.about(holder)?.isHeld === true
  }

  async #detach(holder: Holder, steps: readonly Step[]): Promise<void> {
    this.#detachAskedOf = isDown(holder) ? 'down' : 'up'
    await this.#requests.note(holder, {
      detachRequestedAt: undefined,
      isHeld: undefined,
      wasDown: isDown(holder) || undefined,
    })
    this.#say(holder, 'letting it go', Date.now())
    const mayForce = steps.includes('force')
    const signal = this.#within(mayForce ? this.#graceLeftMs(holder) : LIMIT_MS)
    // A request may be long under way: the holder's time begins when the platform has it.
    const requested = () => ({ detachRequestedAt: new Date().toISOString() })
    const accepted = () => this.#requests.note(holder, requested())
    const { name: volumeName, id } = this.#session.facts
    const { driver } = this.#context.service
    try {
      await driver.detachVolume(id, holder.id, { volumeName, signal, accepted })
    } catch (error) {
      if (signal.aborted && isStorageError(error)) return
      if (!mayForce || !(error instanceof FailedPreconditionError)) throw error
      await this.#requests.note(holder, { ...requested(), isHeld: true })
    }
  }

  async #awaitGrace(holder: Holder): Promise<void> {
    const requests = this.#requests.about(holder)
    if (requests?.detachRequestedAt === undefined)
      await this.#requests.note(holder, { detachRequestedAt: new Date().toISOString() })
    this.#sayWhatItDoes(holder)
    await this.#pause(this.#context.settings.mount.preemptGraceMs, this.#graceLeftMs(holder))
  }

  async #force(holder: Holder): Promise<void> {
    const { name, id } = this.#session.facts
    const { driver } = this.#context.service
    const now = (await driver.volume(id)).attachments.find(
      (attachment) => attachment.since.getTime() === holder.attachment.since.getTime(),
    )
    if (now?.instanceId !== holder.id) return
    if (now.state === 'attaching') return await this.#pause(LIMIT_MS, LIMIT_MS)
    await this.#requests.note(holder, {})
    this.#byForce = true
    this.#context.logger.warn(
      `volume ${name} is taken from ${holder.id} by force: what it has not written yet is lost`,
      { volumeId: id },
    )
    this.#sayWhatItDoes(holder)
    await driver.detachVolume(id, holder.id, {
      force: true,
      volumeName: name,
      signal: this.#within(LIMIT_MS),
    })
  }

  async #stop(holder: Holder): Promise<void> {
    this.#stopAsked = true
    const { name } = this.#session.facts
    const { driver } = this.#context.service
    if (driver.instances === undefined) throw cannotFence(this.#session.facts, holder)
    const stopRequestedAt = new Date().toISOString()
    await this.#requests.note(holder, { stopRequestedAt, wasDown: undefined })
    this.#context.logger.warn(`${holder.id} is stopped, to take volume ${name} from it`)
    this.#say(holder, 'stopping', Date.now())
    try {
      await driver.instances.stop(holder.id, {
        signal: this.#within(LIMIT_MS),
      })
    } catch (error) {
      if (!isStorageError(error)) throw error
      if (!isRefusal(error)) return await this.#lookAgainAfterStop(holder, error)
      await this.#requests.stopRefused(holder)
      throw cannotFence(this.#session.facts, holder, error)
    }
  }

  /** The machine may be stopping, or may never have heard of it: how it stands tells, and one that runs is asked again. */
  async #lookAgainAfterStop(holder: Holder, error: Error): Promise<void> {
    this.#context.logger.warn(`whether ${holder.id} stops is not known yet: ${error.message}`)
    this.#stopAsked = false
    await this.#pause(LIMIT_MS, LIMIT_MS)
  }

  async #refuse(holder: Holder): Promise<void> {
    const { facts, record } = this.#session
    const isLeft = this.#isQuiet() && this.#demand.preempt !== false
    if (record.lost === undefined) throw heldBy(facts, holder)
    await this.#session.update({ lost: { ...record.lost, refusedAt: new Date().toISOString() } })
    if (!isLeft) throw heldBy(facts, holder)
    throw lostJustNow(facts, holder, { lostAt: record.lost.at, quietMs: QUIET_MS })
  }

  #within(ms: number): AbortSignal {
    const limit = timeLimit(ms)
    const { closing } = this.#context
    return closing === undefined ? limit : AbortSignal.any([limit, closing])
  }

  /** A short wait is looked at more often than a long one. */
  async #pause(wholeMs: number, leftMs: number): Promise<void> {
    await sleep(
      Math.max(1, Math.min(LOOK_MS, Math.max(20, wholeMs / 10), leftMs)),
      this.#context.closing,
    )
  }

  #sayWhatItDoes(holder: Holder): void {
    const { what, since } = this.#doing(holder)
    this.#say(holder, what, since)
  }

  #doing(holder: Holder): { readonly what: string; readonly since: number } {
    const requests = this.#requests.about(holder)
    const isStopping = holder.state === 'stopping' || requests?.stopRequestedAt !== undefined
    const requestedAt = isStopping
      ? (requests?.stopRequestedAt ?? holder.stateSince?.toISOString())
      : requests?.detachRequestedAt
    const metAt = Date.now() - (performance.now() - this.#metAt)
    return {
      what: isStopping && holder.state !== 'stopped' ? 'stopping' : 'letting it go',
      since: requestedAt === undefined ? metAt : Date.parse(requestedAt),
    }
  }

  #say(holder: Holder, what: string, since: number): void {
    this.#session.awaiting(holder.id, what, since)
  }

  #outOfPatience(holder: Holder): Error {
    return stillHolding(this.#session.facts, { who: holder.id, ...this.#doing(holder) })
  }
}

function isDown({ state }: Holder): boolean {
  return state === 'gone' || state === 'stopped'
}
