import { DeleteVolumeCommand } from '@aws-sdk/client-ec2'
import { volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeId } from '../../libstorage/types.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { Ec2 } from './ec2.ts'
import {
  ec2Code,
  heldBy,
  isOfRepeat,
  isUnknownOutcome,
  shownAndUnknown,
  UNKNOWN_VOLUME,
} from './errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import type { TokenMemory } from './token-memory.ts'
import { isLiving, toAttachment } from './volume.ts'
import { foundWithin } from './waits.ts'

/** The pause before a volume is removed again that EC2 does not know yet, in milliseconds. */
const UNKNOWN_RETRY_MS = 1_000
/** How long EC2 may say of a volume that it shows that there is none, in milliseconds. */
const CONTRADICTION_MS = 60_000
/** Not all of EC2 knows the same: how long is looked for what it says that there is none of, in milliseconds. */
const UNSEEN_MS = 5_000
const PACE = { firstMs: 0, nextMs: 1_000, maxMs: 2_000 }

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
  for (let until: number | undefined; ; ) {
    const refusal = await refusedAsUnknown(context, id, signal)
    if (refusal === undefined) break
    until ??= performance.now() + CONTRADICTION_MS * context.pace
    if (performance.now() > until) throw shownAndUnknown(volumeNamed(id), refusal.error)
    await sleep(UNKNOWN_RETRY_MS * context.pace, signal)
  }
  context.tokens.left(id)
}

/** Asks once, and again where the answer was lost. Resolves with an answer that it is unknown, though EC2 shows it. */
async function refusedAsUnknown(
  context: RemovalContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<{ readonly error: unknown } | undefined> {
  const remove = () => context.ec2.send(new DeleteVolumeCommand({ VolumeId: id }), signal)
  const refused = async (error: unknown, isRepeat: boolean) => {
    if (ec2Code(error) === 'VolumeInUse') throw await holderOf(context, id, error, signal)
    if (ec2Code(error) !== UNKNOWN_VOLUME) throw error
    return (await isGone(context, id, { error, isRepeat }, signal)) ? undefined : { error }
  }
  try {
    await remove()
    return undefined
  } catch (error) {
    if (!isUnknownOutcome(error)) return await refused(error, isOfRepeat(error))
  }
  try {
    await remove()
    return undefined
  } catch (again) {
    return await refused(again, true)
  }
}

/** Whether EC2 shows it no more, though it was asked before; rejects with the refusal where this was the first request. */
async function isGone(
  { lookUps, pace, tokens }: RemovalContext,
  id: VolumeId,
  { error, isRepeat }: { readonly error: unknown; readonly isRepeat: boolean },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const look = () => lookUps.byId(id, signal)
  const patience = { timeoutMs: UNSEEN_MS * pace, pace }
  const seen = tokens.isGone(id) ? await look() : await foundWithin(look, PACE, patience, signal)
  if (seen !== undefined && isLiving(seen)) return false
  if (isRepeat) return true
  throw error
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
