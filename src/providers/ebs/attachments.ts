import {
  AttachVolumeCommand,
  DetachVolumeCommand,
  type Volume as Ec2Volume,
} from '@aws-sdk/client-ec2'
import { FailedPreconditionError, NotFoundError, TimeoutError } from '../../libstorage/errors.ts'
import type { DetachOptions } from '../../libstorage/storage-driver.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, heldBy, isOfRepeat, isUnknownOutcome, UNKNOWN_VOLUME } from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import type { ThisInstance } from './this-instance.ts'
import { isYoung, toAttachment } from './volume.ts'
import { lookUntil, type UsualTime } from './waits.ts'

/** How many device names are tried where EC2 says of one that it is in use. */
const NAMES = 5
/** What EC2 says of an attach that may be there already, or may be possible a little later. */
const OPEN: ReadonlySet<string | undefined> = new Set([
  'VolumeInUse',
  'IncorrectState',
  UNKNOWN_VOLUME,
])
/** The pause before an attach is tried again while the volume is between two states, in milliseconds. */
const STATE_RETRY_MS = 1_000
/** EC2 takes from one to four seconds to detach. */
const DETACH_PACE = { firstMs: 1_000, nextMs: 600, maxMs: 5_000 }
/** Where the kernel showed that the disk is gone, EC2 says so at about the same time. */
const GONE_PACE = { firstMs: 300, nextMs: 500, maxMs: 5_000 }

/** What attaching and detaching work with. */
export interface AttachmentContext {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly here: ThisInstance
  /** The volume, as messages begin. */
  readonly subject: string
  /** How long a change of state may take, in milliseconds. */
  readonly timeoutMs: number
  /** What all pauses are multiplied by. */
  readonly pace: number
  /** How long EC2 takes to say that a volume is free whose disk the kernel has lost. */
  readonly usualFreeing: UsualTime
}

/** An attempt that may succeed a little later, with what EC2 said of it. */
interface BetweenStates {
  readonly betweenStates: unknown
}

/** Asks for the attachment; resolves when EC2 has accepted it, since the disk itself is the better witness of the rest. */
export async function attachVolume(
  context: AttachmentContext,
  id: VolumeId,
  to: InstanceId,
  signal: AbortSignal | undefined,
): Promise<VolumeAttachment> {
  const deadline = performance.now() + context.timeoutMs
  for (;;) {
    const attempt = await attempted(context, id, to, signal)
    if (!('betweenStates' in attempt)) return attempt
    const pauseMs = STATE_RETRY_MS * context.pace
    if (performance.now() + pauseMs > deadline) throw stillBetweenStates(context, attempt)
    await sleep(pauseMs, signal)
  }
}

async function attempted(
  context: AttachmentContext,
  id: VolumeId,
  to: InstanceId,
  signal: AbortSignal | undefined,
): Promise<VolumeAttachment | BetweenStates> {
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
): Promise<VolumeAttachment | BetweenStates> {
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

/** Ends the attachment, and resolves when EC2 shows the volume without it. */
export async function detachVolume(
  context: AttachmentContext,
  id: VolumeId,
  from: InstanceId,
  options: DetachOptions,
): Promise<void> {
  const { signal, accepted } = options
  const deadline = performance.now() + context.timeoutMs
  for (let isFirst = true; ; isFirst = false) {
    const lost = await requestDetach(context, id, from, { ...options, isFirst })
    if (lost === undefined) break
    const pauseMs = STATE_RETRY_MS * context.pace
    if (performance.now() + pauseMs > deadline) throw lost.error
    await sleep(pauseMs, signal)
  }
  await accepted?.()
  await awaitDetached(context, id, from, signal)
}

/** Asks once for the end of the attachment; resolves with the error where that was not sent, or sent and lost. */
async function requestDetach(
  context: AttachmentContext,
  id: VolumeId,
  from: InstanceId,
  { force = false, signal, isFirst }: DetachOptions & { readonly isFirst: boolean },
): Promise<{ readonly error: unknown } | undefined> {
  try {
    await context.ec2.send(
      new DetachVolumeCommand({ VolumeId: id, InstanceId: from, ...(force && { Force: true }) }),
      signal,
    )
  } catch (error) {
    const isOpen =
      ['IncorrectState', 'InvalidAttachment.NotFound', 'InvalidInstanceID.NotFound'].includes(
        ec2Code(error) ?? '',
      ) || isUnknownOutcome(error)
    if (!isOpen) throw error
    const attachment = attachmentTo(await present(context, id, signal), id, from)
    if (attachment === undefined && isFirst && !isOfRepeat(error))
      throw new NotFoundError(`the attachment of ${context.subject} to ${from}`, error)
    // What is not lost is under way.
    if (attachment !== undefined && attachment.state !== 'detaching' && isUnknownOutcome(error))
      return { error }
  }
  return undefined
}

async function awaitDetached(
  context: AttachmentContext,
  id: VolumeId,
  from: InstanceId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const begun = performance.now()
  const wasSeenGone = await context.here.awaitDiskGone(
    id,
    from,
    { leastMs: DETACH_PACE.firstMs, mostMs: context.timeoutMs },
    signal,
  )
  const left = context.timeoutMs - (performance.now() - begun)
  let last: VolumeAttachment | undefined
  const done = await lookUntil(
    async () => {
      const seen = await context.lookUps.byId(id, signal)
      last = seen === undefined ? undefined : attachmentTo(seen, id, from)
      const isFree = last === undefined && (seen?.State !== 'in-use' || hasAttachment(seen))
      return isFree ? true : undefined
    },
    wasSeenGone ? GONE_PACE : { ...DETACH_PACE, firstMs: 0 },
    { timeoutMs: left, pace: context.pace, ...(wasSeenGone && { usual: context.usualFreeing }) },
    signal,
  )
  if (done !== true)
    throw new TimeoutError({
      subject: context.subject,
      problem: `is still ${last?.state ?? 'in use'} at ${from} after ${Math.round(context.timeoutMs / 1_000)} s`,
      remedy:
        'see whether something there still uses its disk: EC2 waits for that, and a detach cannot be called off',
    })
  context.here.detached(id)
}

async function present(
  { lookUps, subject }: AttachmentContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const seen = await lookUps.byId(id, signal)
  if (seen === undefined) throw new NotFoundError(subject)
  return seen
}

function attachmentTo(
  { Attachments = [] }: Ec2Volume,
  id: VolumeId,
  instance: InstanceId,
): VolumeAttachment | undefined {
  return Attachments.flatMap((one) => toAttachment(id, one) ?? []).find(
    ({ instanceId }) => instanceId === instance,
  )
}

/** Another machine may have it by now. */
function hasAttachment({ Attachments = [] }: Ec2Volume): boolean {
  return Attachments.some((one) => toAttachment('', one) !== undefined)
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
  { betweenStates: cause }: BetweenStates,
): TimeoutError {
  const said = cause instanceof Error ? ` (${cause.message.trim().replace(/\.$/, '')})` : ''
  return new TimeoutError({
    subject,
    problem: `was not ready to be attached within ${timeoutMs / 1_000} s${said}`,
    remedy: 'try again',
    cause,
  })
}
