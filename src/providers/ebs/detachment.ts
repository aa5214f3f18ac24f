import { DetachVolumeCommand, type Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import { NotFoundError, TimeoutError } from '../../libstorage/errors.ts'
import type { DetachOptions } from '../../libstorage/storage-driver.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import { type AttachmentContext, STATE_RETRY_MS } from './attachments.ts'
import { ec2Code, isOfRepeat, isUnknownOutcome, shownAndUnknown, UNKNOWN_VOLUME } from './errors.ts'
import { isYoung, toAttachment } from './volume.ts'
import { foundWithin, lookUntil } from './waits.ts'

/** EC2 takes from one to four seconds to detach. */
const PACE = { firstMs: 1_000, nextMs: 600, maxMs: 5_000 }
/** Where the kernel showed that the disk is gone, EC2 says so at about the same time. */
const GONE_PACE = { firstMs: 300, nextMs: 500, maxMs: 5_000 }

/** What a detach may be answered with although the attachment is there. */
const OPEN: ReadonlySet<string | undefined> = new Set([
  'IncorrectState',
  'InvalidAttachment.NotFound',
  'InvalidInstanceID.NotFound',
  UNKNOWN_VOLUME,
])
/** Not all of EC2 knows the same: how long is looked for a volume that it does not show, in milliseconds. */
const UNSEEN_MS = 5_000
const UNSEEN_PACE = { firstMs: 0, nextMs: 1_000, maxMs: 2_000 }

/** A request for the end of an attachment whose answer leaves open what became of it. */
interface LostDetach {
  readonly id: VolumeId
  readonly from: InstanceId
  readonly isFirst: boolean
  readonly error: unknown
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
    if (performance.now() + pauseMs > deadline) throw notDetached(context, lost.error)
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
    return await lostRequest(context, { id, from, isFirst, error }, signal)
  }
  return undefined
}

/** The error where the request has to be sent again; undefined where its end is under way or over. */
async function lostRequest(
  context: AttachmentContext,
  { id, from, isFirst, error }: LostDetach,
  signal: AbortSignal | undefined,
): Promise<{ readonly error: unknown } | undefined> {
  const code = ec2Code(error)
  if (!OPEN.has(code) && !isUnknownOutcome(error)) throw error
  const seen = await present(context, id, signal)
  const attachment = attachmentTo(seen, id, from)
  // Not all of EC2 may know it, nor that it is attached.
  const isContradicted =
    code === UNKNOWN_VOLUME && (attachment !== undefined || isYoung(context, seen))
  if (isContradicted) return { error }
  if (attachment === undefined && isFirst && !isOfRepeat(error))
    throw new NotFoundError(`the attachment of ${context.subject} to ${from}`, error)
  // What is not lost is under way.
  const isLost = isUnknownOutcome(error) && attachment !== undefined
  return isLost && attachment.state !== 'detaching' ? { error } : undefined
}

function notDetached({ subject }: AttachmentContext, error: unknown): unknown {
  return ec2Code(error) === UNKNOWN_VOLUME ? shownAndUnknown(subject, error) : error
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
    { leastMs: PACE.firstMs, mostMs: context.timeoutMs },
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
    wasSeenGone ? GONE_PACE : { ...PACE, firstMs: 0 },
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

/** The volume as EC2 shows it, be it a little later. */
async function present(
  { lookUps, subject, pace }: AttachmentContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const patience = { timeoutMs: UNSEEN_MS * pace, pace }
  const seen = await foundWithin(() => lookUps.byId(id, signal), UNSEEN_PACE, patience, signal)
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
