import { isStorageError, TimeoutError, volumeNamed } from '../libstorage/errors.ts'
import type { Logger } from '../libstorage/logger.ts'
import type { Service } from '../libstorage/service.ts'
import type { Volume, VolumeAttachment } from '../libstorage/types.ts'
import { poll } from '../libstorage/wait.ts'
import type { EventSink } from './events.ts'
import type { Ledger } from './ledger.ts'
import { type LedgerRecord, recordedAttachment } from './ledger-record.ts'
import type { Mounter } from './mounter.ts'
import type { Places } from './places.ts'
import type { Publisher } from './publisher.ts'
import type { MountSettings } from './settings.ts'
import { attachedElsewhere, heldElsewhere } from './take-over.ts'
import { stillInUse, type VolumeSession, type VolumeSessions } from './volume-session.ts'

const DEVICE_POLL_MS = 50

/** What bringing a volume up and releasing it work with. */
export interface MountContext {
  readonly service: Service
  readonly publisher: Publisher
  readonly mounter: Mounter
  readonly places: Places
  readonly settings: MountSettings
  readonly ledger: Ledger
  readonly sessions: VolumeSessions
  readonly logger: Logger
  readonly events: EventSink
  /** A server answers at once and goes on in the background; a command has done all when it answers. */
  readonly role: 'server' | 'command'
}

/** Whether the record's mount is there, is this volume's, and works: then a Mount needs no call to the platform. */
export async function isUp(context: MountContext, record: LedgerRecord): Promise<boolean> {
  const attachment = recordedAttachment(record)
  if (record.mount?.complete !== true || attachment === undefined) return false
  const device = await context.service.executor.device(attachment)
  if (device === undefined) return false
  return (
    (await context.publisher.look(device, context.places.of(record.volume.name))) === 'published'
  )
}

/**
 * From a volume anywhere to a directory on this machine. Every step looks before it acts, and is safe to die after.
 * Resolves with what went wrong though the volume can be used, as a sentence.
 */
export async function bringUp(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
): Promise<string | undefined> {
  const attachment = await ensureAttached(context, session, volume)
  const device = await awaitDevice(context, volume, attachment)
  const place = context.places.of(volume.name)
  const state = await context.publisher.look(device, place)
  const attached = { volume, attachment, device, place }
  session.step()
  if (state === 'published') {
    await context.publisher.complete(session, attached)
    return undefined
  }
  if (state === 'dead' && (await context.publisher.withdraw(device, place.mountPoint)) === 'busy') {
    const users = await context.publisher.users(device, place)
    throw stillInUse(volume.name, users, 'end that first: its file system there is dead')
  }
  return await context.publisher.publish(session, attached)
}

async function ensureAttached(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
): Promise<VolumeAttachment> {
  const { executor, driver, catalog, name: service } = context.service
  const here = (await executor.instance()).id
  const isMine = ({ instanceId }: VolumeAttachment) => instanceId === here
  const remembered = volume.attachments.find(isMine)
  // The ledger would know an attachment of ours: another process may have ended what is still remembered.
  const doubted = remembered !== undefined && !isRecorded(session, remembered)
  const seen = doubted ? await driver.volume(volume.id) : volume
  const mine = seen.attachments.find(isMine)
  const holders = heldElsewhere(seen, here)
  if (holders.length > 0) throw attachedElsewhere(seen, holders)
  if (mine !== undefined && mine.state !== 'detaching') return mine
  session.step()
  // A detach that was cut short is finished first: what comes then is another attachment.
  if (mine !== undefined) await driver.detachVolume(volume.id, here)
  await session.update({
    attachment: { instanceId: here },
    mount: undefined,
    formatIntent: undefined,
  })
  const begun = performance.now()
  const attachment = await driver.attachVolume(volume.id, here).catch(async (error: unknown) => {
    if (isRefusal(error)) await session.update({ attachment: undefined })
    throw error
  })
  catalog.attached(volume, attachment)
  const durationMs = Math.round(performance.now() - begun)
  context.events.record({
    kind: 'attached',
    service,
    volume: volume.name,
    volumeId: volume.id,
    instance: here,
    durationMs,
  })
  return attachment
}

function isRecorded(session: VolumeSession, { since }: VolumeAttachment): boolean {
  return session.record.attachment?.since === since.toISOString()
}

/** Whether the platform said no; anything else leaves it open whether the volume was attached. */
function isRefusal(error: unknown): boolean {
  return isStorageError(error) && error.code !== 'ERR_UNAVAILABLE' && error.code !== 'ERR_TIMEOUT'
}

async function awaitDevice(
  context: MountContext,
  volume: Volume,
  attachment: VolumeAttachment,
): Promise<string> {
  const timeoutMs = context.settings.attachTimeoutMs
  const device = await poll(() => context.service.executor.device(attachment), {
    intervalMs: DEVICE_POLL_MS,
    timeoutMs,
  })
  if (device !== undefined) return device
  throw new TimeoutError({
    subject: `the device of ${volumeNamed(volume.name)}`,
    problem: `did not appear within ${timeoutMs / 1000} s of its attach`,
    remedy: 'try again, or raise libstorage.device.attachTimeout',
  })
}
