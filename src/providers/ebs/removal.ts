import { DeleteVolumeCommand } from '@aws-sdk/client-ec2'
import { volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeId } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Ec2 } from './ec2.ts'
import { ec2Code, heldBy, isOfRepeat, isUnknownOutcome, UNKNOWN_VOLUME } from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import type { TokenMemory } from './token-memory.ts'
import { isLiving, isYoung, toAttachment } from './volume.ts'

/** The pause before a volume is removed again that EC2 does not know yet, in milliseconds. */
const UNKNOWN_RETRY_MS = 1_000

/** What removing volumes works with. */
export interface RemovalContext {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly tokens: TokenMemory
  /** What all pauses are multiplied by. */
  readonly pace: number
}

/** Removes a volume; resolves when EC2 has accepted that. Rejects with the holder where an instance has it. */
export async function removeVolume(
  context: RemovalContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (!(await isAccepted(context, id, signal)))
    await sleep(UNKNOWN_RETRY_MS * context.pace, signal)
  context.tokens.left(id)
}

/** Asks once, and again where the answer was lost; false where EC2 shows the volume and yet does not know it. */
async function isAccepted(
  context: RemovalContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const remove = () => context.ec2.send(new DeleteVolumeCommand({ VolumeId: id }), signal)
  try {
    await remove()
  } catch (error) {
    if (ec2Code(error) === 'VolumeInUse') throw await holderOf(context, id, error, signal)
    if (ec2Code(error) === UNKNOWN_VOLUME) return await isGone(context, id, error, signal)
    if (!isUnknownOutcome(error)) throw error
    await remove().catch((again: unknown) => {
      if (ec2Code(again) !== UNKNOWN_VOLUME) throw again
    })
  }
  return true
}

/** Whether a request has removed it before; rejects where it was not there. */
async function isGone(
  context: RemovalContext,
  id: VolumeId,
  refusal: unknown,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  // The first request came through: what it asked for is done.
  if (isOfRepeat(refusal)) return true
  const seen = await context.lookUps.byId(id, signal)
  if (seen === undefined || !isLiving(seen) || !isYoung(context, seen)) throw refusal
  return false
}

async function holderOf(
  { lookUps }: RemovalContext,
  id: VolumeId,
  cause: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const seen = await lookUps.byId(id, signal)
  const holder = (seen?.Attachments ?? []).flatMap((one) => toAttachment(id, one) ?? [])[0]
  return holder === undefined ? cause : heldBy(volumeNamed(id), holder)
}
