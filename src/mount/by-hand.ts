import { FailedPreconditionError, volumeNamed } from '../libstorage/errors.ts'
import type { VolumeAttachment } from '../libstorage/types.ts'
import { bringHere } from './bring-up.ts'
import { findVolume } from './find-by-name.ts'
import type { AcquiringCall, IntegrationCall } from './integration-driver.ts'
import { factsOf, recordedAttachment, rememberedVolume } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'
import { holderNamed } from './references.ts'
import type { Releaser } from './releaser.ts'
import { republish, trialRelease } from './trial.ts'
import { stillInUse, type VolumeSession } from './volume-session.ts'

/** What is attached by hand is in no record afterwards: it stays until it is detached by hand, or mounted and released. */
export async function attachByHand(
  context: MountContext,
  releaser: Releaser,
  name: string,
  { signal, force = false }: AcquiringCall,
): Promise<void> {
  const found = await findVolume(context, name, { fresh: true, signal })
  await context.sessions.run(factsOf(found), 'attaches the volume', signal, async (session) => {
    await session.awaitTool()
    const { mount, references } = session.record
    const isUsed = mount !== undefined || references.length > 0
    const volume = await findVolume(context, name, { fresh: session.waited })
    const preempt = force || context.settings.mount.preempt
    try {
      await bringHere(context, session, volume, { preempt, forced: force })
    } catch (error) {
      await releaser.undo(session)
      throw error
    }
    // On this attachment hangs the permission to repeat a format that was cut short.
    const isHalfMade = session.record.formatIntent !== undefined
    if (!isUsed && !isHalfMade)
      await session.update({ attachment: undefined, releasing: undefined })
  })
}

/** Detaches a volume that nobody uses, whoever attached it. Rejects, and changes nothing, where somebody does. */
export async function detachByHand(
  context: MountContext,
  name: string,
  { signal }: IntegrationCall,
): Promise<void> {
  const volume = await findVolume(context, name, { fresh: true, signal })
  const here = (await context.service.executor.instance({ ...(signal && { signal }) })).id
  await context.sessions.run(factsOf(volume), 'detaches the volume', signal, async (session) => {
    const { references, attachment, formatIntent } = session.record
    if (formatIntent !== undefined && formatIntent.attachedSince === attachment?.since)
      throw halfMade(volume.name)
    if (references.length > 0)
      throw stillInUse(
        volume.name,
        references.map(({ id }) => holderNamed(id)),
        'unmount it first',
      )
    const mine = volume.attachments.find(({ instanceId }) => instanceId === here)
    if (attachment === undefined && mine === undefined) throw notAttached(volume.name)
    await releaseOrRefuse(context, session, attachment === undefined ? mine : undefined)
  })
}

async function releaseOrRefuse(
  context: MountContext,
  session: VolumeSession,
  theirs: VolumeAttachment | undefined,
): Promise<void> {
  const { record } = session
  const remount = () => republish(context, session, rememberedVolume(record))
  if ((await trialRelease(context, session, remount, theirs)) === 'released') return
  const attachment = theirs ?? recordedAttachment(record)
  const device = attachment && (await context.service.executor.device(attachment))
  const place = placeOf(context, record)
  const users = device === undefined ? [] : await context.publisher.users(device, place)
  throw stillInUse(record.volume.name, users, 'end that and try again')
}

/** To finish it is permitted on this attachment alone: without, the volume has data that nobody knows and nobody formats. */
function halfMade(name: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: 'has a file system whose making was cut short',
    remedy: 'mount it here once, which finishes that, or remove it',
  })
}

function notAttached(name: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: 'is not attached here',
    remedy: 'detach it on the machine that has it',
  })
}
