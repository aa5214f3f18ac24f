import { FailedPreconditionError, NotFoundError, volumeNamed } from '../libstorage/errors.ts'
import type { InstanceId, Volume, VolumeAttachment } from '../libstorage/types.ts'
import { sleep } from '../libstorage/wait.ts'
import { tookMs } from './events.ts'
import { findByName, findByNameOrId } from './find-by-name.ts'
import { factsOf, recordedAttachment } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'
import { holderNamed, mayBecomeStale, mayBeStale, takingHoldMs } from './references.ts'
import type { RemovedNames } from './removed-names.ts'
import { heldElsewhere } from './take-over/holder.ts'
import { attachedElsewhere } from './take-over/refusals.ts'
import { republish, trialRelease } from './trial.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

const END_THEM = 'stop what uses it and try again'

/**
 * Destroys a volume that nobody uses. A name that was removed here before is a success for a server's client, which repeats
 * itself, whatever else has it in another letter case: only a name that was never removed here may mean another one.
 */
export async function removeVolume(
  context: MountContext,
  removed: RemovedNames,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const find = context.role === 'command' ? findByNameOrId : findByName
  const volume = await find(context, name, signal)
  // Whoever repeats a Remove does not mean a volume whose name differs in letter case.
  if (volume === undefined || (volume.name !== name && removed.has(name))) {
    if (removed.has(name) && context.role === 'server') return
    throw new NotFoundError(volumeNamed(name))
  }
  if (volume.managedBy !== undefined) throw managedElsewhere(volume)
  // Nothing is held up meanwhile: a Mount that comes is a reason to refuse.
  const references = context.ledger.get(volume.id)?.references ?? []
  const isTried = !everyReferenceCounts(context) && references.every((one) => mayBecomeStale(one))
  const waitMs = isTried ? takingHoldMs(references) : 0
  if (waitMs > 0) {
    const holders = references.map(({ id }) => holderNamed(id)).join(', ')
    context.logger.info(
      `remove of ${volume.name} waits ${Math.ceil(waitMs / 1000)} s to see whether ${holders} takes hold of it`,
    )
    await sleep(waitMs, signal)
  }
  await context.sessions.run(factsOf(volume), 'removes the volume', signal, async (session) => {
    const instance = await letGo(context, session, volume)
    session.step()
    removed.add(volume.name)
    const begun = performance.now()
    await context.service.driver.removeVolume(volume.id)
    context.service.catalog.removed(volume)
    // What had befallen it says nothing about the next one.
    await session.update({ lost: undefined, takeOver: undefined, growing: undefined })
    context.events.record({
      kind: 'removed',
      service: context.service.name,
      volume: volume.name,
      volumeId: volume.id,
      instance,
      durationMs: tookMs(begun),
    })
  })
}

/**
 * Makes sure that nobody uses the volume, and takes it off this machine, whose name it resolves with. Rejects and changes
 * nothing where somebody does.
 */
async function letGo(
  context: MountContext,
  session: VolumeSession,
  volume: Volume,
): Promise<InstanceId> {
  const { executor } = context.service
  const here = (await executor.instance()).id
  const holders = heldElsewhere(volume, here)
  if (holders.length > 0) throw attachedElsewhere(volume, holders)
  refuseCertainUsers(context, session, volume)
  const mine = volume.attachments.find(({ instanceId }) => instanceId === here)
  const theirs = session.record.attachment === undefined ? mine : undefined
  // Where use cannot be told, an attachment that this service did not make is somebody's use.
  if (theirs !== undefined && !context.publisher.tellsUse)
    throw stillInUse(volume.name, [`another service of ${here}`], 'remove it there')
  if (theirs !== undefined) await requireSeen(context, theirs, volume)
  const remount = () => republish(context, session, volume)
  if ((await trialRelease(context, session, remount, theirs)) === 'released') return here
  const attachment = theirs ?? recordedAttachment(session.record)
  const device = attachment === undefined ? undefined : await executor.device(attachment)
  const place = placeOf(context, session.record)
  const users = device === undefined ? [] : await context.publisher.users(device, place)
  throw stillInUse(volume.name, users, END_THEM)
}

/**
 * The disk of an attachment that is in no record is here, so that its use can be told: a machine that is taken for another
 * one sees none, and would destroy what that one uses.
 */
async function requireSeen(
  { service: { executor, driver } }: MountContext,
  theirs: VolumeAttachment,
  volume: Volume,
): Promise<void> {
  if ((await executor.device(theirs)) !== undefined) return
  // What was remembered may be over.
  const { attachments } = await driver.volume(volume.id)
  const now = attachments.find(({ instanceId }) => instanceId === theirs.instanceId)
  if (now === undefined || now.state === 'detaching' || (await executor.device(now))) return
  throw new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is attached to ${now.instanceId}, where its disk is not seen, so that nobody can say whether it is used`,
    remedy: 'detach it and try again',
  })
}

/** A person at the command line is told of all holders; where use cannot be told, no trial shows which ones are stale. */
function everyReferenceCounts({ role, publisher }: MountContext): boolean {
  return role === 'command' || !publisher.tellsUse
}

/** Docker's ids may be left over from a crash, which a trial shows; the others' clients count for themselves. */
function refuseCertainUsers(context: MountContext, session: VolumeSession, volume: Volume): void {
  const certain = session.record.references.filter(
    (reference) => everyReferenceCounts(context) || !mayBeStale(reference),
  )
  if (certain.length > 0)
    throw stillInUse(
      volume.name,
      certain.map(({ id }) => holderNamed(id)),
      END_THEM,
    )
}

function managedElsewhere(volume: Volume): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is managed by ${volume.managedBy}`,
    remedy: 'remove it there',
  })
}
