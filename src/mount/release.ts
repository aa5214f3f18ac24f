import type { Volume, VolumeAttachment } from '../libstorage/types.ts'
import { recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import type { VolumeSession } from './volume-session.ts'

/**
 * How a release ended. `busy`: still mounted, a process of this host has a file open there. `held`: unmounted here, but
 * somebody holds the device. Both are tried again, and a Mount in between cancels that.
 */
export type Released = 'released' | 'busy' | 'held'

/** Takes the volume's directory away on this host; what is dirty is written back by that. */
export async function unmountHere(
  context: MountContext,
  session: VolumeSession,
): Promise<'gone' | 'busy'> {
  const { record, facts } = session
  if (record.mount === undefined) return 'gone'
  const { device, mountPoint } = record.mount
  const withdrawn = await context.publisher.withdraw(device, mountPoint)
  if (withdrawn === 'busy') {
    await markReleasing(session)
    return 'busy'
  }
  await session.update({ mount: undefined })
  context.events.record({
    kind: 'unmounted',
    service: context.service.name,
    volume: facts.name,
    volumeId: facts.id,
  })
  return 'gone'
}

/** Unmounts, and detaches once nobody in any namespace holds the device. */
export async function release(context: MountContext, session: VolumeSession): Promise<Released> {
  await session.awaitTool()
  if ((await unmountHere(context, session)) === 'busy') return 'busy'
  return await detachHere(context, session)
}

/**
 * Releases only if nobody else uses the volume: where somebody holds it, it is mounted again as it was. For references
 * that may be stale.
 */
export async function trialRelease(
  context: MountContext,
  session: VolumeSession,
  remount: () => Promise<void>,
): Promise<Released> {
  const wasMounted = session.record.mount !== undefined
  const { references } = session.record
  const released = await release(context, session)
  if (released === 'released') return released
  if (released === 'held' && wasMounted) await remount()
  const { mount } = session.record
  const complete = mount === undefined ? {} : { mount: { ...mount, complete: true } }
  await session.update({ releasing: undefined, references, ...complete })
  return released
}

/** Puts a volume back at its place that a trial took away: others hold the device, so it is joined as it is. */
export async function republish(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
): Promise<void> {
  const attachment = recordedAttachment(session.record)
  if (attachment === undefined) return
  const device = await context.service.executor.device(attachment)
  if (device === undefined) return
  await context.publisher.publish(session, {
    volume,
    attachment,
    device,
    place: context.places.of(volume.name),
  })
}

async function detachHere(context: MountContext, session: VolumeSession): Promise<Released> {
  const { record, facts } = session
  const place = context.places.of(facts.name)
  const attachment = recordedAttachment(record) ?? (await unfinishedAttachment(context, session))
  const device = attachment && (await context.service.executor.device(attachment))
  if (device !== undefined && !(await context.publisher.isFree(device))) {
    await markReleasing(session)
    return 'held'
  }
  // Where the device is gone nobody can hold it; what stands there still is a bare directory, or a dead mount of others.
  await context.publisher.tidy(place)
  if (record.attachment !== undefined)
    await detach(context, session, record.attachment.instanceId, attachment)
  await session.update({
    attachment: undefined,
    mount: undefined,
    formatIntent: undefined,
    releasing: undefined,
    adopted: undefined,
    references: [],
  })
  return 'released'
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
  await driver.detachVolume(session.facts.id, instanceId)
  if (attachment === undefined) return
  catalog.detached(session.facts, attachment)
  context.events.record({
    kind: 'detached',
    service,
    volume: session.facts.name,
    volumeId: session.facts.id,
    instance: instanceId,
    durationMs: Math.round(performance.now() - begun),
  })
}

/** An attach whose reply never came: the platform knows whether it happened. */
async function unfinishedAttachment(
  context: MountContext,
  session: VolumeSession,
): Promise<VolumeAttachment | undefined> {
  const meant = session.record.attachment
  if (meant === undefined) return undefined
  const seen = await context.service.driver.volumes({ instanceId: meant.instanceId })
  const volume = seen.find(({ id }) => id === session.facts.id)
  return volume?.attachments.find(({ instanceId }) => instanceId === meant.instanceId)
}

async function markReleasing(session: VolumeSession): Promise<void> {
  if (session.record.releasing === undefined)
    await session.update({ releasing: { since: new Date().toISOString() } })
}
