import {
  FailedPreconditionError,
  isStorageError,
  type UnavailableError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { Volume, VolumeAttachment } from '../../libstorage/types.ts'
import type { VolumeFacts } from '../ledger-record.ts'
import { stillUnderWay } from '../volume-session.ts'
import type { Holder } from './holder.ts'

const WAYS_OUT =
  'stop what uses it there and detach it there, or take it with mount.preempt or volume mount --force'

/** What leaves open whether the platform did what it was asked for. */
const UNKNOWN_OUTCOMES: ReadonlySet<string> = new Set([
  'ERR_UNAVAILABLE',
  'ERR_TIMEOUT',
  'ERR_ABORTED',
])

/** Whether the platform definitely said no, so that nothing has come of what it was asked for. */
export function isRefusal(error: unknown): boolean {
  return isStorageError(error) && !UNKNOWN_OUTCOMES.has(error.code)
}

/** What a holder's state is called in a message. */
const STATES: Readonly<Record<Holder['state'], string>> = {
  gone: 'which is gone',
  stopped: 'which is stopped',
  stopping: 'which is stopping',
  leaving: 'which runs and is letting it go',
  running: 'which runs',
}

/** The refusal of a volume that another machine has: who has it and since when, how that machine stands, and the two ways out. */
export function heldBy(volume: Pick<VolumeFacts, 'name'>, holder: Holder): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is ${attachedTo(holder)}`,
    remedy: WAYS_OUT,
  })
}

/** The refusal to take a volume back just after it was lost to another machine. */
export function lostJustNow(
  volume: Pick<VolumeFacts, 'name'>,
  holder: Holder,
  { lostAt, quietMs }: { readonly lostAt: string; readonly quietMs: number },
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `was lost by this machine at ${lostAt} and is ${attachedTo(holder)}: it is not taken back until ${quietMs / 60_000} minutes have passed without a try`,
    remedy: 'detach it there, or take it back with volume attach --force',
  })
}

/** The refusal of a volume that several machines have at once, or that others have beside this one. */
export function sharedWith(
  volume: Pick<Volume, 'name'>,
  others: readonly VolumeAttachment[],
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is attached to this machine and to ${others.map(({ instanceId }) => instanceId).join(' and ')} at once, and two machines that mount it would destroy its file system`,
    remedy: 'detach it there',
  })
}

/**
 * The refusal to take what another system manages from the machine that has it, such as an instance's root disk, whatever
 * the policy says; undefined where nobody else manages it.
 */
export function managedThere(
  { name, managedBy }: Pick<Volume, 'name' | 'managedBy'>,
  holders: readonly VolumeAttachment[],
): FailedPreconditionError | undefined {
  if (managedBy === undefined) return undefined
  const who = holders.map(({ instanceId }) => instanceId).join(' and ')
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is managed by ${managedBy} and attached to ${who}: it is taken from nobody, not even by force`,
    remedy: 'let that detach it, or give your volume another name',
  })
}

/** The refusal of a volume that the platform would give to a second machine while this one has it. */
export function attachableTwice(volume: Pick<Volume, 'name'>): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem:
      'may be attached to several machines at once (Multi-Attach), and two that mount it would destroy its file system',
    remedy: 'use another volume, or switch that off',
  })
}

/** The refusal to remove a volume that other machines have. */
export function attachedElsewhere(
  volume: Pick<Volume, 'name'>,
  holders: readonly VolumeAttachment[],
): FailedPreconditionError {
  const who = holders.map(
    ({ instanceId, state, since }) => `${instanceId} (${state} since ${since.toISOString()})`,
  )
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is attached to ${who.join(' and ')}`,
    remedy: 'stop what uses it there, or detach it there, and try again',
  })
}

/** The error of a machine that the platform does not stop: what cannot be fenced is never taken by force instead. */
export function cannotFence(
  volume: Pick<VolumeFacts, 'name'>,
  holder: Holder,
  cause?: Error,
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is ${attachedTo(holder)}, and ${cause === undefined ? 'this platform stops no machines' : `the platform refuses to stop that: ${cause.message}`}`,
    remedy: 'detach it there, or take it with volume mount --force',
    cause,
  })
}

/** The error of a holder that was asked and has not let go within all patience. */
export function stillHolding(
  volume: Pick<VolumeFacts, 'name'>,
  { who, what, since }: { who: string; what: string; since: number },
): UnavailableError {
  return stillUnderWay({ name: volume.name, who, what, since })
}

function attachedTo({ id, attachment, state, stateSince }: Holder): string {
  const how =
    stateSince === undefined ? STATES[state] : `${STATES[state]} since ${stateSince.toISOString()}`
  return `attached to ${id} since ${attachment.since.toISOString()} (${how})`
}
