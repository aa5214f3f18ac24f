import { DetachVolumeCommand, type Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import { NotFoundError, TimeoutError } from '../../libstorage/errors.ts'
import type { DetachOptions } from '../../libstorage/storage-driver.ts'
import type { InstanceId, VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { type AttachmentContext, STATE_RETRY } from './attachments.ts'
import { ec2Code, isOfRepeat, isUnknownOutcome, shownAndUnknown, UNKNOWN_VOLUME } from './errors.ts'
import { askUntil } from './patience.ts'
import { HIDDEN_MS, isYoung, toAttachment, UNSEEN } from './volume.ts'

/** EC2 takes from one to four seconds to detach. */
const LEAST_MS = 1_000
const PACE = { nextMs: 600, maxMs: 5_000 }
/** Where the kernel showed that the disk is gone, EC2 says so at about the same time. */
const GONE_PACE = { firstMs: 300, nextMs: 500, maxMs: 5_000 }

/** What a detach may be answered with although the attachment is there. */
const OPEN: ReadonlySet<string | undefined> = new Set([
  'IncorrectState',
  'InvalidAttachment.NotFound',
  'InvalidInstanceID.NotFound',
  UNKNOWN_VOLUME,
])

/** A request for the end of an attachment whose answer leaves open what became of it. */
interface LostDetach {
  readonly id: VolumeId
  readonly from: InstanceId
  /** Whether EC2 has taken none before, as far as its answers go. */
  readonly isFirst: boolean
  /** Whether EC2 may not show yet what was attached before the first request. */
  readonly isEarly: boolean
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
  const begun = performance.now()
  let isFirst = true
  const ask = async () => {
    const isEarly = performance.now() - begun < HIDDEN_MS * context.pace
    const refused = await requestDetach(context, id, from, { ...options, isEarly, isFirst })
    if (isUnknownOutcome(refused?.error)) isFirst = false
    return refused
  }
  const until = (refused: unknown) => refused === undefined
  const lost = await askUntil(ask, { ...STATE_RETRY, until }, context, signal)
  if (lost !== undefined) throw notDetached(context, lost.error)
  await accepted?.()
  await awaitDetached(context, id, from, signal)
}

/** Asks once for the end of the attachment; resolves with the error where that was not sent, or sent and lost. */
async function requestDetach(
  context: AttachmentContext,
  id: VolumeId,
  from: InstanceId,
  {
    force = false,
    signal,
    isFirst,
    isEarly,
  }: DetachOptions & Pick<LostDetach, 'isFirst' | 'isEarly'>,
): Promise<{ readonly error: unknown } | undefined> {
  try {
    await context.ec2.send(
      new DetachVolumeCommand({ VolumeId: id, InstanceId: from, ...(force && { Force: true }) }),
      signal,
    )
  } catch (error) {
    return await lostRequest(context, { id, from, isFirst, isEarly, error }, signal)
  }
  return undefined
}

/** The error where the request has to be sent again; undefined where its end is under way or over. */
async function lostRequest(
  context: AttachmentContext,
  { id, from, isFirst, isEarly, error }: LostDetach,
  signal: AbortSignal | undefined,
): Promise<{ readonly error: unknown } | undefined> {
  const code = ec2Code(error)
  if (!OPEN.has(code) && !isUnknownOutcome(error)) throw error
  const seen = await present(context, id, signal)
  const attachment = attachmentTo(seen, id, from)
  // Not all of EC2 may know it, nor that it is attached: this machine has its disk.
  const isContradicted =
    attachment === undefined
      ? isYoungUnknown(context, seen, code) || (isEarly && (await context.here.hasDisk(id, from)))
      : code === UNKNOWN_VOLUME
  if (isContradicted) return { error }
  if (attachment === undefined && isFirst && !isOfRepeat(error))
    throw new NotFoundError(`the attachment of ${context.subject} to ${from}`, error)
  // What is not lost is under way.
  const isLost = isUnknownOutcome(error) && attachment !== undefined
  return isLost && attachment.state !== 'detaching' ? { error } : undefined
}

function isYoungUnknown(
  context: AttachmentContext,
  seen: Ec2Volume,
  code: string | undefined,
): boolean {
  return code === UNKNOWN_VOLUME && isYoung(context, seen)
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
    { leastMs: LEAST_MS, mostMs: context.timeoutMs },
    signal,
  )
  const timeoutMs = context.timeoutMs - (performance.now() - begun)
  let last: VolumeAttachment | undefined
  const isFree = await askUntil(
    async () => {
      const seen = await context.lookUps.byId(id, signal)
      last = seen && attachmentTo(seen, id, from)
      return (last === undefined && (seen?.State !== 'in-use' || hasAttachment(seen))) || undefined
    },
    wasSeenGone ? { ...GONE_PACE, usual: context.usualFreeing } : PACE,
    { ...context, timeoutMs },
    signal,
  )
  if (isFree !== true)
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
  context: AttachmentContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume> {
  const look = () => context.lookUps.byId(id, signal)
  const seen = await askUntil(look, UNSEEN, context, signal)
  if (seen === undefined) throw new NotFoundError(context.subject)
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
