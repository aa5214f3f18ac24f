import { isStorageError, UnavailableError, volumeNamed } from '../libstorage/errors.ts'
import type { Volume, VolumeAttachment } from '../libstorage/types.ts'
import { attachedDevice, attachedDisk } from './attached-disk.ts'
import { recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { type Released, release } from './release.ts'
import type { VolumeSession } from './volume-session.ts'

/**
 * Releases only if nobody else uses the volume: where somebody holds it, it is mounted again as it was. For references
 * that may be stale.
 */
export async function trialRelease(
  context: MountContext,
  session: VolumeSession,
  remount: () => Promise<void>,
  theirs?: VolumeAttachment,
): Promise<Released> {
  const { references, mount: before, olderMounts = [], lost } = session.record
  const isUsed = references.length > 0 && lost === undefined
  const wasMounted = before !== undefined || olderMounts.length > 0
  // A mount at an older version's place cannot be put back as it was: it is taken only where nobody is seen to use it.
  if (olderMounts.length > 0 && (await isSeenInUse(context, session))) return 'held'
  const released = await release(context, session, theirs).catch(async (error: unknown) => {
    if (isUsed) await putBack(context, session, remount)
    throw error
  })
  if (released === 'released') return released
  // What is used and was not there is what a trial has left that could not mount it again.
  if (released === 'held' && (wasMounted || isUsed)) await remountWhole(session, remount)
  await session.update({ releasing: undefined, references })
  return released
}

async function remountWhole(session: VolumeSession, remount: () => Promise<void>): Promise<void> {
  await remount()
  const { mount } = session.record
  if (mount !== undefined) await session.update({ mount: { ...mount, complete: true } })
}

/** A trial that failed leaves what is used where it was, as far as that can be done. */
async function putBack(
  { logger }: MountContext,
  session: VolumeSession,
  remount: () => Promise<void>,
): Promise<void> {
  if (session.record.mount !== undefined) return
  try {
    await remountWhole(session, remount)
    await session.update({ releasing: undefined })
  } catch (error) {
    if (!isStorageError(error)) throw error
    logger.warn(`${volumeNamed(session.facts.name)} is used and not at its place: ${error.message}`)
  }
}

async function isSeenInUse(context: MountContext, { record }: VolumeSession): Promise<boolean> {
  const { mounter } = context
  const device = await attachedDevice(context, record)
  const number = device && mounter.deviceNumber(device)
  for (const place of record.olderMounts ?? [])
    if ((await mounter.users(place, number)).length > 0) return true
  return false
}

/** Puts a volume back at its place that a trial took away: others hold the device, so it is joined as it is. */
export async function republish(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
): Promise<void> {
  const attachment = recordedAttachment(session.record)
  if (attachment === undefined) return
  const disk = await attachedDisk(context, attachment)
  if (disk === undefined) throw unseen(volume)
  await context.publisher.publish(session, {
    volume,
    attachment,
    ...disk,
    place: context.places.of(volume.name),
  })
}

function unseen({ name }: Volume): UnavailableError {
  return new UnavailableError({
    subject: `the device of ${volumeNamed(name)}`,
    problem: 'is not seen just now',
    remedy: 'try again',
  })
}
