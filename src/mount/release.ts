import { isStorageError } from '../libstorage/errors.ts'
import type { VolumeAttachment } from '../libstorage/types.ts'
import { attachedDevice, isSameDisk, shownDevice } from './attached-disk.ts'
import { tookMs } from './events.ts'
import { type LedgerRecord, recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf, placesToTidy, withoutMount } from './recorded-place.ts'
import { findLoss, isReplaced, loseDevice } from './take-over/loss.ts'
import type { VolumeSession } from './volume-session.ts'

/**
 * How a release ended. `busy`: still mounted, a process of this host has a file open there. `held`: unmounted here, but
 * somebody holds the device. Both are tried again, and a Mount in between cancels that.
 */
export type Released = 'released' | 'busy' | 'held'

/** What a record says once nothing of ours is here of the volume. */
const NOTHING_HERE: Partial<LedgerRecord> = {
  attachment: undefined,
  mount: undefined,
  bare: undefined,
  formatIntent: undefined,
  releasing: undefined,
  adopted: undefined,
  olderMounts: undefined,
  references: [],
}

/**
 * Takes the volume's directory away on this host; what is dirty is written back by that. Theirs is the attachment of a volume
 * that somebody has attached by hand, which is in no record: where nothing comes of the release, that stays so.
 */
export async function unmountHere(
  context: MountContext,
  session: VolumeSession,
  theirs?: VolumeAttachment,
): Promise<'gone' | 'busy'> {
  const { facts } = session
  // A container may end before anybody notices that its disk was taken away: that must not look as if it let go by itself.
  if (isReplaced(context, session.record))
    await loseDevice(context, session, { to: undefined, isStillOurs: true })
  const record = withTheirs(session.record, theirs)
  const { mount, olderMounts = [] } = record
  const device = mount?.device ?? (await attachedDevice(context, record))
  if (mount === undefined && device === undefined) return 'gone'
  // Something that covered an earlier mount may have gone. Binds of a mount are found after it, and go before it.
  const older = device === undefined ? [] : olderMounts
  const places = [placeOf(context, record).mountPoint, ...older].reverse()
  const found: string[] = []
  const begun = performance.now()
  for (const place of places) {
    session.step()
    const withdrawn = await context.publisher.withdraw(device, place)
    if (withdrawn === 'gone') found.push(place)
    if (withdrawn !== 'busy') continue
    await markReleasing(session)
    return 'busy'
  }
  // What was not there may take hold yet, if a mount(8) of a process that died hangs: the record names it until the device
  // is found free.
  if (found.length === 0) return 'gone'
  await session.update({ ...withoutMount(context, record), olderMounts: undefined })
  context.events.record({
    kind: 'unmounted',
    service: context.service.name,
    volume: facts.name,
    volumeId: facts.id,
    instance: record.attachment?.instanceId,
    durationMs: tookMs(begun),
  })
  return 'gone'
}

/** Unmounts, and detaches once nobody in any namespace holds the device. */
export async function release(
  context: MountContext,
  session: VolumeSession,
  theirs?: VolumeAttachment,
): Promise<Released> {
  await session.awaitTool()
  if ((await unmountHere(context, session, theirs)) === 'busy') return 'busy'
  return await detachHere(context, session, theirs)
}

/** Takes back what was done with a volume that somebody has attached by hand: the attachment stays, and is in no record. */
export async function giveBack(context: MountContext, session: VolumeSession): Promise<void> {
  if ((await unmountHere(context, session)) === 'busy') return
  const { record } = session
  const device = await attachedDevice(context, record)
  if (device !== undefined && (await isFree(context, device))) {
    session.step()
    await tidy(context, record)
  }
  await session.update(NOTHING_HERE)
}

async function detachHere(
  context: MountContext,
  session: VolumeSession,
  theirs: VolumeAttachment | undefined,
): Promise<Released> {
  const record = withTheirs(session.record, theirs)
  const recorded = recordedAttachment(record)
  const attachment = recorded ?? (await attachmentNow(context, record))
  const seen = attachment && (await context.service.executor.device(attachment))
  const device = seen ?? (await unseenDevice(context, session))
  if (recorded !== undefined && device === undefined) await noteLoss(context, session)
  if (device !== undefined && !(await isFree(context, device))) {
    await markReleasing(session)
    return 'held'
  }
  session.step()
  await tidy(context, record)
  const instanceId = record.attachment?.instanceId
  if (instanceId !== undefined && (await isOurs(context, record, seen))) {
    session.step()
    await detach(context, session, instanceId, attachment)
  }
  await session.update(NOTHING_HERE)
  return 'released'
}

/**
 * The device that the executor does not see and the kernel shows on: before a detach it is to be found free as any other. The
 * platform may know that the attachment has ended, so that the name is that of another disk.
 */
async function unseenDevice(
  context: MountContext,
  session: VolumeSession,
): Promise<string | undefined> {
  const device = shownDevice(context, session.record)
  const loss = device === undefined ? undefined : await findLoss(context, session)
  return loss === undefined || loss.isStillOurs === true ? device : undefined
}

/** Whether nobody holds the device; one that goes while it is looked at, as at the end of a detach, is held by nobody. */
async function isFree({ publisher, mounter }: MountContext, device: string): Promise<boolean> {
  const identity = mounter.deviceIdentity(device)
  try {
    return await publisher.isFree(device)
  } catch (error) {
    const isThere = identity !== undefined && mounter.deviceIdentity(device) === identity
    if (isThere || !isStorageError(error)) throw error
    return true
  }
}

/** Where the device is gone nobody can hold it: what stands there still is a bare directory, or a dead mount of others. */
async function tidy(context: MountContext, record: LedgerRecord): Promise<void> {
  // What was never attached never had this place, which may be that of another volume of this name.
  if ((record.attachment ?? record.lost ?? record.mount ?? record.bare) === undefined) return
  for (const place of placesToTidy(context, record)) await context.publisher.tidy(place)
}

/** Somebody took the volume while it was on its way out here: what was held, or is attached to another machine, did not leave by itself. */
async function noteLoss(context: MountContext, session: VolumeSession): Promise<void> {
  const { lost, releasing } = session.record
  const loss = lost === undefined ? await findLoss(context, session) : undefined
  if (loss !== undefined && (loss.to ?? releasing) !== undefined)
    await loseDevice(context, session, loss)
}

/** Also where no attachment is seen: one that was cut short may have left a device that only the driver knows. */
async function detach(
  context: MountContext,
  session: VolumeSession,
  instanceId: string,
  attachment: VolumeAttachment | undefined,
): Promise<void> {
  const { driver, catalog, name: service } = context.service
  const begun = performance.now()
  await driver.detachVolume(session.facts.id, instanceId, { volumeName: session.facts.name })
  catalog.detached(session.facts, attachment ?? { instanceId })
  if (attachment === undefined) return
  context.events.record({
    kind: 'detached',
    service,
    volume: session.facts.name,
    volumeId: session.facts.id,
    instance: instanceId,
    durationMs: tookMs(begun),
  })
}

/**
 * Whether what the platform would detach is what the record means: the machine may be a copy of the one that wrote it, and
 * somebody may have attached the volume anew by hand.
 */
async function isOurs(
  context: MountContext,
  record: LedgerRecord,
  device: string | undefined,
): Promise<boolean> {
  const { attachment } = record
  if (attachment === undefined) return false
  if (attachment.instanceId !== (await context.service.executor.instance()).id) return false
  if (attachment.since === undefined || isSameDisk(context, record, device)) return true
  const now = await attachmentNow(context, record)
  return now === undefined || now.since.toISOString() === attachment.since
}

/** What the platform says: it knows whether an attach whose reply never came has happened. */
async function attachmentNow(
  context: MountContext,
  { attachment: meant, volume: { id } }: LedgerRecord,
): Promise<VolumeAttachment | undefined> {
  if (meant === undefined) return undefined
  const seen = await context.service.driver.volumes({ instanceId: meant.instanceId })
  const volume = seen.find((one) => one.id === id)
  return volume?.attachments.find(({ instanceId }) => instanceId === meant.instanceId)
}

async function markReleasing(session: VolumeSession): Promise<void> {
  if (session.record.releasing === undefined)
    await session.update({ releasing: { since: new Date().toISOString() } })
}

function withTheirs(record: LedgerRecord, theirs: VolumeAttachment | undefined): LedgerRecord {
  if (record.attachment !== undefined || theirs === undefined) return record
  const { instanceId, since, deviceName } = theirs
  return { ...record, attachment: { instanceId, since: since.toISOString(), deviceName } }
}
