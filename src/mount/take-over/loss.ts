import { mayBeginTogether } from '../../libstorage/attachment-time.ts'
import { isStorageError, NotFoundError } from '../../libstorage/errors.ts'
import type { StorageDriver } from '../../libstorage/storage-driver.ts'
import type { VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { timeLimit } from '../../libstorage/wait.ts'
import { type LedgerRecord, recordedAttachment } from '../ledger-record.ts'
import type { MountContext } from '../mount-context.ts'
import { withoutMount } from '../recorded-place.ts'
import type { VolumeSession } from '../volume-session.ts'
import { heldElsewhere } from './holder.ts'

/** How long the platform may take to say who has a volume, in milliseconds. */
const PLATFORM_MS = 30_000

/** A loss that was found: who has the volume now, if the platform says so. */
export interface Loss {
  readonly to: VolumeAttachment | undefined
  /** The device is gone, but the platform still says, or may say, that it is attached here. */
  readonly isStillOurs?: boolean
}

/**
 * Asks the platform who has the volume that the record says is attached here; undefined where this machine has it, or where
 * nothing shows that it has not: a platform that lags or does not answer proves nothing while the device is there.
 */
export async function findLoss(
  context: MountContext,
  { record }: Pick<VolumeSession, 'record'>,
): Promise<Loss | undefined> {
  const { executor, driver } = context.service
  const recorded = recordedAttachment(record)
  if (recorded === undefined) return undefined
  const here = recorded.instanceId
  const attachments = await attachmentsOf(driver, record.volume.id)
  const to = attachments && heldElsewhere({ attachments }, here)[0]
  const since = recorded.since.toISOString()
  const isMine = attachments?.some(
    (one) =>
      one.instanceId === here &&
      one.state !== 'detaching' &&
      mayBeginTogether(one.since.toISOString(), since),
  )
  const device = await executor.device(recorded)
  if (device === undefined || isReplaced(context, record, device))
    return { to, isStillOurs: isMine !== false }
  const isTaken = to !== undefined && isMine === false
  return isTaken && !(await answers(context, device)) ? { to } : undefined
}

/** Whether a mounted device is not what it was when it was mounted; by a look at the kernel's tables alone. */
export function isReplaced(
  { mounter, service, machine }: Pick<MountContext, 'mounter' | 'service' | 'machine'>,
  { mount, bootId }: LedgerRecord,
  device = mount?.device,
): boolean {
  if (mount === undefined || device === undefined) return false
  // A directory has no such identity, and a mount of an earlier boot has ended with it.
  if (service.storage === 'directory' || bootId !== machine.bootId()) return false
  const identity = mounter.deviceIdentity(device)
  return identity === undefined || (mount.identity !== undefined && identity !== mount.identity)
}

/** Whether the disk answers a read; a hang counts as none. */
export async function answers(
  { mounter }: Pick<MountContext, 'mounter'>,
  device: string,
): Promise<boolean> {
  try {
    return await mounter.answers(device)
  } catch (error) {
    if (isStorageError(error)) return false
    throw error
  }
}

/** Undefined where the platform does not answer; none for a volume that is gone. */
async function attachmentsOf(
  driver: StorageDriver,
  id: VolumeId,
): Promise<readonly VolumeAttachment[] | undefined> {
  try {
    return (await driver.volume(id, { signal: timeLimit(PLATFORM_MS) })).attachments
  } catch (error) {
    if (error instanceof NotFoundError) return []
    if (isStorageError(error)) return undefined
    throw error
  }
}

/**
 * Takes notice that this machine has lost a volume: the host's mount, which is dead, is taken away lazily, and the record
 * says when and to whom. The references stay: those containers are still there, and their Unmount is yet to come.
 */
export async function loseDevice(
  context: MountContext,
  session: VolumeSession,
  { to, isStillOurs = false }: Loss,
): Promise<void> {
  const { record, facts } = session
  const { name: service, catalog } = context.service
  const attachment = recordedAttachment(record)
  if (record.mount !== undefined) await abandonMount(context, session, record.mount)
  await session.update({
    ...(!isStillOurs && { attachment: undefined }),
    ...withoutMount(context, record),
    formatIntent: undefined,
    releasing: undefined,
    lost: { at: new Date().toISOString(), to: to?.instanceId },
  })
  if (attachment !== undefined && !isStillOurs) catalog.detached(facts, attachment)
  const cause = `${whoHasIt({ to, isStillOurs })}; attached here since ${attachment?.since.toISOString() ?? 'just now'}`
  context.events.record({
    kind: 'lost',
    service,
    volume: facts.name,
    volumeId: facts.id,
    ...(to !== undefined && { instance: to.instanceId }),
    cause,
  })
  context.logger.warn(
    `volume ${facts.name} was lost: ${cause}. What has it open here fails until it ends`,
    { volumeId: facts.id },
  )
}

function whoHasIt({ to, isStillOurs }: Loss): string {
  if (to !== undefined) return `it is attached to ${to.instanceId} since ${to.since.toISOString()}`
  if (isStillOurs) return 'its device is gone, and who has it is not known'
  return 'its device is gone, and the platform names no machine that has it'
}

/** What is dead stays so whether or not its mount can be taken away: a failure is said, and nothing more. */
async function abandonMount(
  { publisher, logger }: MountContext,
  { facts }: VolumeSession,
  { device, mountPoint }: { readonly device: string; readonly mountPoint: string },
): Promise<void> {
  try {
    await publisher.abandon(device, mountPoint)
  } catch (error) {
    if (!isStorageError(error)) throw error
    logger.warn(`the dead mount of volume ${facts.name} stays: ${error.message}`)
  }
}
