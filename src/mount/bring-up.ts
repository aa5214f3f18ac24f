import { mayBeginTogether } from '../libstorage/attachment-time.ts'
import { TimeoutError, volumeNamed } from '../libstorage/errors.ts'
import type { Volume, VolumeAttachment } from '../libstorage/types.ts'
import { poll } from '../libstorage/wait.ts'
import { attachedDisk } from './attached-disk.ts'
import { ensureAttached, settleAttachment } from './attaching.ts'
import { type LedgerRecord, recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import type { Disk } from './mounter.ts'
import type { AttachedVolume } from './publisher.ts'
import { placeOf } from './recorded-place.ts'
import { giveBack } from './release.ts'
import type { Demand } from './take-over/policy.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

const DEVICE_POLL_MS = 50

/** Whether the record's mount is there, is this volume's, and works: then a Mount needs no call to the platform. */
export async function isUp(context: MountContext, record: LedgerRecord): Promise<boolean> {
  const attachment = recordedAttachment(record)
  if (record.mount?.complete !== true || attachment === undefined) return false
  const device = await context.service.executor.device(attachment)
  if (device === undefined) return false
  return (await context.publisher.look(device, placeOf(context, record))) === 'published'
}

/**
 * From a volume anywhere to a directory on this machine. Every step looks before it acts, and is safe to die after.
 * Resolves with what went wrong though the volume can be used, as a sentence.
 */
export async function bringUp(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
  demand: Demand,
): Promise<string | undefined> {
  const here = await bringHere(context, session, volume, demand)
  const isTheirs = isAttachedByHand(session.record, here.attachment)
  try {
    return await publishHere(context, session, { volume: withFileSystem(volume, context), ...here })
  } catch (error) {
    // On the attachment hangs the permission to repeat a format that was cut short.
    if (isTheirs && session.record.formatIntent === undefined) await giveBack(context, session)
    throw error
  }
}

/** Whether no record says that this attachment is ours: an attach of ours is recorded before it is asked for. */
function isAttachedByHand({ attachment }: LedgerRecord, { since }: VolumeAttachment): boolean {
  if (attachment === undefined) return true
  return attachment.since !== undefined && !mayBeginTogether(attachment.since, since.toISOString())
}

async function publishHere(
  context: MountContext,
  session: VolumeSession,
  attached: Omit<AttachedVolume, 'place'>,
): Promise<string | undefined> {
  const { volume, device } = attached
  const next = context.places.of(volume.name)
  const recorded = placeOf(context, session.record)
  // It may still be where an earlier configuration had it.
  const places = recorded.mountPoint === next.mountPoint ? [next] : [recorded, next]
  for (const place of places) {
    const state = await context.publisher.look(device, place)
    session.step()
    if (state === 'published') {
      await context.publisher.complete(session, { ...attached, place })
      return undefined
    }
    if (state !== 'dead') continue
    if ((await context.publisher.withdraw(device, place.mountPoint)) !== 'busy') continue
    const users = await context.publisher.users(device, place)
    throw stillInUse(volume.name, users, 'end that first: its file system there is dead')
  }
  return await context.publisher.publish(session, { ...attached, place: next })
}

/** A volume that was made elsewhere, or by hand, has no label for the file system that it is to get. */
function withFileSystem(volume: Volume, { settings }: MountContext): Volume {
  return { ...volume, labels: { fstype: settings.create.default.fsType, ...volume.labels } }
}

/** Attaches the volume, and resolves when its device is there. Rejects with `TimeoutError` where it does not appear. */
export async function bringHere(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
  demand: Demand,
): Promise<Disk & { readonly attachment: VolumeAttachment }> {
  const attachment = await ensureAttached(context, session, volume, demand)
  const disk = await awaitDisk(context, volume, attachment)
  await settleAttachment(session)
  return { attachment, ...disk }
}

async function awaitDisk(
  context: MountContext,
  volume: Volume,
  attachment: VolumeAttachment,
): Promise<Disk> {
  const timeoutMs = context.settings.attachTimeoutMs
  const disk = await poll(() => attachedDisk(context, attachment), {
    intervalMs: DEVICE_POLL_MS,
    timeoutMs,
  })
  if (disk !== undefined) return disk
  throw new TimeoutError({
    subject: `the device of ${volumeNamed(volume.name)}`,
    problem: `did not appear within ${timeoutMs / 1000} s of its attach`,
    remedy: 'try again, or raise libstorage.device.attachTimeout',
  })
}
