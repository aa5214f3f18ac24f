import { DeleteVolumeCommand } from '@aws-sdk/client-ec2'
import { volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeId } from '../../libstorage/types.ts'
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
import { askUntil, type Tempo } from './patience.ts'
import type { TokenMemory } from './token-memory.ts'
import { isLiving, toAttachment, UNSEEN } from './volume.ts'

/** How long EC2 may say of a volume that it shows that there is none. */
const CONTRADICTED = { forMs: 60_000, nextMs: 1_000, maxMs: 1_000 }

/** What removing volumes works with. */
export interface RemovalContext extends Tempo {
  readonly ec2: Ec2
  readonly lookUps: VolumeLookUps
  readonly tokens: TokenMemory
}

/** Removes a volume; resolves when EC2 has accepted that. Rejects with the holder where an instance has it. */
export async function removeVolume(
  context: RemovalContext,
  id: VolumeId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ask = () => refusedAsUnknown(context, id, signal)
  const until = (refused: unknown) => refused === undefined
  const refusal = await askUntil(ask, { ...CONTRADICTED, until }, context, signal)
  if (refusal !== undefined) throw shownAndUnknown(volumeNamed(id), refusal.error)
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
  context: RemovalContext,
  id: VolumeId,
  { error, isRepeat }: { readonly error: unknown; readonly isRepeat: boolean },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const look = () => context.lookUps.byId(id, signal)
  const isKnown = context.tokens.isGone(id)
  const seen = await (isKnown ? look() : askUntil(look, UNSEEN, context, signal))
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
