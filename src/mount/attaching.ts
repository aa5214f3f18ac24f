import { mayBeginTogether } from '../libstorage/attachment-time.ts'
import { FailedPreconditionError } from '../libstorage/errors.ts'
import type { InstanceId, Volume, VolumeAttachment } from '../libstorage/types.ts'
import { tookMs } from './events.ts'
import { recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { withoutMount } from './recorded-place.ts'
import { heldElsewhere } from './take-over/holder.ts'
import { answers, isReplaced, loseDevice } from './take-over/loss.ts'
import type { Demand } from './take-over/policy.ts'
import { attachableTwice, isRefusal, managedThere, sharedWith } from './take-over/refusals.ts'
import { takeOver } from './take-over/take-over.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

/** How often somebody else may be faster with a volume that is free. */
const ROUNDS = 5

/** Ties the volume to this machine, unless it is already, and takes it from others as far as the demand allows. */
export async function ensureAttached(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
  demand: Demand,
): Promise<VolumeAttachment> {
  const { executor, driver } = context.service
  const here = (await executor.instance()).id
  let seen = await lookAgain(context, session, volume, here)
  refuseMultiAttach(seen)
  for (let round = 1; ; round++) {
    const mine = await mineOrNobodys(context, session, { seen, here, demand })
    if (mine !== undefined) return mine
    try {
      return await attach(context, session, volume, here)
    } catch (error) {
      if (!(error instanceof FailedPreconditionError) || round === ROUNDS) throw error
      seen = await driver.volume(volume.id)
      if (heldElsewhere(seen, here).length === 0) throw error
    }
  }
}

/** Two machines would both succeed, and destroy the file system. */
function refuseMultiAttach(volume: Volume): void {
  if (volume.multiAttach === true) throw attachableTwice(volume)
}

/** Resolves with the attachment that is here already, or with undefined once nobody has the volume. */
async function mineOrNobodys(
  context: MountContext,
  session: VolumeSession,
  { seen, here, demand }: { seen: Volume; here: InstanceId; demand: Demand },
): Promise<VolumeAttachment | undefined> {
  const mine = seen.attachments.find(({ instanceId }) => instanceId === here)
  const others = heldElsewhere(seen, here)
  if (mine !== undefined && others.length > 0) throw sharedWith(seen, others)
  if (others.length > 0) {
    const kept = await unlessLost(context, session, others)
    if (kept !== undefined) return kept
    const refusal = managedThere(seen, others)
    if (refusal !== undefined) throw refusal
    const free = await takeOver(context, session, { seen, here, demand })
    return await mineOrNobodys(context, session, { seen: free, here, demand })
  }
  if (mine === undefined) return await stillMounted(context, session)
  if (mine.state !== 'detaching') return mine
  await refuseWhileHeld(context, seen, mine)
  session.step()
  // A detach that was cut short is finished first: what comes then is another attachment.
  await context.service.driver.detachVolume(seen.id, here, { volumeName: seen.name })
  return undefined
}

/** An attachment that somebody else began to end is not helped to its end while anybody here uses the disk. */
async function refuseWhileHeld(
  context: MountContext,
  volume: Volume,
  mine: VolumeAttachment,
): Promise<void> {
  const { service, publisher, places } = context
  if (service.storage === 'directory') return
  const device = await service.executor.device(mine)
  if (device === undefined || !(await answers(context, device))) return
  if (await publisher.isFree(device)) return
  const users = await publisher.users(device, places.of(volume.name))
  throw stillInUse(volume.name, users, 'end that and try again: it is being detached')
}

/** What was looked up may be old, or corrected by what was done here: before others are asked to let go, the platform itself is asked. */
async function lookAgain(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
  here: InstanceId,
): Promise<Volume> {
  const remembered = volume.attachments.find(({ instanceId }) => instanceId === here)
  // The ledger would know an attachment of ours: another process may have ended what is still remembered.
  const doubted = remembered !== undefined && !isRecorded(session, remembered)
  const isHeld = heldElsewhere(volume, here).length > 0
  // The other way round: what the ledger says that is attached here may be so, or was taken away.
  const isUnseen = remembered === undefined && session.record.attachment !== undefined
  // It is mounted, and yet it is not up: its disk may be gone.
  const isDead = session.record.mount !== undefined
  return doubted || isUnseen || isHeld || isDead
    ? await context.service.driver.volume(volume.id)
    : volume
}

/** What is mounted here though the platform says that nobody has it: either it lags behind, or it is lost. */
async function stillMounted(
  context: MountContext,
  session: VolumeSession,
): Promise<VolumeAttachment | undefined> {
  const isMounted = session.record.mount !== undefined && context.service.storage === 'block'
  return isMounted ? await unlessLost(context, session, []) : undefined
}

/** The platform names another machine, or none: either it lags behind, and the device is here and answers, or it is lost. */
async function unlessLost(
  context: MountContext,
  session: VolumeSession,
  [other]: readonly VolumeAttachment[],
): Promise<VolumeAttachment | undefined> {
  const { record } = session
  const recorded = recordedAttachment(record)
  if (recorded === undefined) {
    if (record.attachment !== undefined) await session.update({ attachment: undefined })
    return undefined
  }
  const device = await context.service.executor.device(recorded)
  const isAlive =
    device !== undefined &&
    (context.service.storage === 'directory' || (await answers(context, device)))
  if (isAlive) return recorded
  await loseDevice(context, session, { to: other })
  return undefined
}

async function attach(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
  here: InstanceId,
): Promise<VolumeAttachment> {
  const { driver, catalog, name: service } = context.service
  session.step()
  // A dead mount that nobody has noticed yet would stand in the way of the new one.
  if (isReplaced(context, session.record)) await loseDevice(context, session, { to: undefined })
  await session.update({
    attachment: { instanceId: here },
    ...withoutMount(context, session.record),
    formatIntent: undefined,
  })
  const begun = performance.now()
  const asked = driver.attachVolume(volume.id, here, { volumeName: volume.name })
  const attachment = await asked.catch(async (error: unknown) => {
    if (isRefusal(error)) await session.update({ attachment: undefined })
    throw error
  })
  if (session.record.takeOver !== undefined) await session.update({ takeOver: undefined })
  catalog.attached(volume, attachment)
  context.events.record({
    kind: 'attached',
    service,
    volume: volume.name,
    volumeId: volume.id,
    instance: here,
    durationMs: tookMs(begun),
  })
  return attachment
}

/**
 * What it took to get the volume, and that it was lost before, is over once its device is here: a platform that lags may
 * say so of an attachment that this machine has lost, and what never came was not got back.
 */
export async function settleAttachment(session: VolumeSession): Promise<void> {
  const { takeOver: taking, lost } = session.record
  if (taking !== undefined || lost !== undefined)
    await session.update({ takeOver: undefined, lost: undefined })
}

function isRecorded({ record }: VolumeSession, { since }: VolumeAttachment): boolean {
  const recorded = record.attachment?.since
  return recorded !== undefined && mayBeginTogether(recorded, since.toISOString())
}
