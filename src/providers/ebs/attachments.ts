import { AttachVolumeCommand, type Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import { FailedPreconditionError, NotFoundError, TimeoutError } from '../../libstorage/errors.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, heldBy, isUnknownOutcome, UNKNOWN_VOLUME } from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { askUntil, type Tempo } from './patience.ts'
import type { ThisInstance } from './this-instance.ts'
import type { UsualTime } from './usual-time.ts'
import { isYoung, toAttachment } from './volume.ts'

/** How many device names are tried where EC2 says of one that it is in use. */
const NAMES = 5
/** What EC2 says of an attach that may be there already, or may be possible a little later. */
const OPEN: ReadonlySet<string | undefined> = new Set([
  'VolumeInUse',
  'IncorrectState',
  UNKNOWN_VOLUME,
])
/** How often a request is repeated while the volume is between two states. */
export const STATE_RETRY = { nextMs: 1_000, maxMs: 1_000 }
/** What attaching and detaching work with. */
export interface AttachmentContext extends Tempo {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly here: ThisInstance
  /** The volume, as messages begin. */
  readonly subject: string
  /** How long EC2 takes to say that a volume is free whose disk the kernel has lost. */
  readonly usualFreeing: UsualTime
}

/** What came of an attempt; one that may succeed a little later has what EC2 said of it. */
type Attempt = VolumeAttachment | { readonly betweenStates: unknown }

/** Asks for the attachment; resolves when EC2 has accepted it, since the disk itself is the better witness of the rest. */
export async function attachVolume(
  context: AttachmentContext,
  id: VolumeId,
  to: InstanceId,
  signal: AbortSignal | undefined,
): Promise<VolumeAttachment> {
  const ask = () => attempted(context, id, to, signal)
  const until = (attempt: Attempt) => !('betweenStates' in attempt)
  const attempt = await askUntil(ask, { ...STATE_RETRY, until }, context, signal)
  if ('betweenStates' in attempt) throw stillBetweenStates(context, attempt.betweenStates)
  return attempt
}

async function attempted(
  context: AttachmentContext,
  id: VolumeId,
  to: InstanceId,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const { here, ec2, subject } = context
  for (let names = 1; ; names += 1) {
    const name = await here.reserveName({ id, subject }, to, signal)
    try {
      const request = new AttachVolumeCommand({ VolumeId: id, InstanceId: to, Device: name })
      const attachment = toAttachment(id, await ec2.send(request, signal))
      if (attachment === undefined) return await settled(context, id, to, undefined, signal)
      await here.attached(attachment)
      return attachment
    } catch (error) {
      if (isNameTaken(error) && names < NAMES) here.nameTaken(name)
      else return await settled(context, id, to, error, signal)
    } finally {
      here.releaseName(name)
    }
  }
}

/** What became of an attach that EC2 refused, or whose answer was lost: EC2 is asked before anything is repeated. */
async function settled(
  context: AttachmentContext,
  id: VolumeId,
  to: InstanceId,
  cause: unknown,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const code = ec2Code(cause)
  if (code === 'AttachmentLimitExceeded' || code === 'CardAttachmentLimitExceeded')
    throw await context.here.full(context.subject, cause)
  const isOpen = cause === undefined || OPEN.has(code) || isUnknownOutcome(cause)
  if (!isOpen) throw cause
  const seen = await shown(context, id, cause, signal)
  const attachments = (seen.Attachments ?? []).flatMap((one) => toAttachment(id, one) ?? [])
  const mine = attachments.find(({ instanceId }) => instanceId === to)
  if (mine !== undefined && mine.state !== 'detaching') {
    await context.here.attached(mine)
    return mine
  }
  const other = attachments.find(({ instanceId }) => instanceId !== to)
  if (other !== undefined) throw heldBy(context.subject, other)
  if (seen.State === 'error' || seen.State === 'deleting' || seen.State === 'deleted')
    throw new FailedPreconditionError({
      subject: context.subject,
      problem: `is in state ${seen.State}`,
      remedy: 'use another volume',
      cause,
    })
  return { betweenStates: cause }
}

/** The volume as EC2 shows it; rejects where it does not, or where it does but says too that there is none, unless that is new. */
async function shown(
  context: AttachmentContext,
  id: VolumeId,
  cause: unknown,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const seen = await context.lookUps.byId(id, signal)
  const isThere =
    seen !== undefined && (ec2Code(cause) !== UNKNOWN_VOLUME || isYoung(context, seen))
  if (!isThere) throw new NotFoundError(context.subject, cause)
  return seen
}

function isNameTaken(error: unknown): boolean {
  return (
    ec2Code(error) === 'InvalidParameterValue' &&
    error instanceof Error &&
    /already in use/i.test(error.message)
  )
}

/** It may be the volume or the instance that was not ready. */
function stillBetweenStates(
  { subject, timeoutMs }: AttachmentContext,
  cause: unknown,
): TimeoutError {
  const said = cause instanceof Error ? ` (${cause.message.trim().replace(/\.$/, '')})` : ''
  return new TimeoutError({
    subject,
    problem: `was not ready to be attached within ${timeoutMs / 1_000} s${said}`,
    remedy: 'try again',
    cause,
  })
}
