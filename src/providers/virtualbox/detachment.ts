import { NotFoundError, volumeNamed } from '../../libstorage/errors.ts'
import type { InstanceId, VolumeId } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import type { AttachmentContext } from './attachment-context.ts'
import { notHotPluggable } from './attachment-refusals.ts'
import type { WebSession } from './client.ts'
import { isSameMark, readDescription, timeAfter, writeFacts } from './facts.ts'
import { Code, hasCode } from './fault.ts'
import { hasLaterImage, requireNoLaterImage } from './later-images.ts'
import { type LockedMachine, save } from './machines.ts'
import type { Medium } from './media.ts'
import { hardDisks, slotOf } from './slots.ts'

/** Ends the attachment to a machine. Rejects with `NotFoundError` where there is none. */
export async function detachVolume(
  context: AttachmentContext,
  session: WebSession,
  {
    id,
    from,
    force,
  }: { readonly id: VolumeId; readonly from: InstanceId; readonly force: boolean },
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await context.media.volume(session, id, signal)
  if (found === undefined) throw new NotFoundError(volumeNamed(id))
  const attachment = found.volume.attachments.find(({ instanceId }) => instanceId === from)
  if (attachment === undefined) throw new NotFoundError(`attachment of ${id} to ${from}`)
  const { name } = found.volume
  await requireNoLaterImage(session, found.medium, name)
  await context.disks.leaving(session, { name, attachment, force }, async () => {
    await context.machines.locked(session, from, signal, async (machine) => {
      throwIfAborted(signal)
      const isDetached = await detachLocked(context, machine, { medium: found.medium, from })
      if (!isDetached) throw new NotFoundError(`attachment of ${id} to ${from}`)
    })
  })
  await forgetAttachment(session, found.medium)
}

/** Takes a disk out of a machine that is locked; resolves with false where it is in none of its slots. */
export async function detachLocked(
  { media, pace }: AttachmentContext,
  machine: LockedMachine,
  { medium, from }: { readonly medium: Medium; readonly from: InstanceId },
): Promise<boolean> {
  const { session, machine: _this } = machine
  const slots = hardDisks(await session.call('IMachine_getMediumAttachments', { _this }))
  const slot = await slotOf(session, slots, medium.ref)
  if (slot === undefined) {
    // One that ended before it saved: the machine has let go of it, and its settings do not say so yet.
    const seen = await media.volume(session, medium.id)
    if (!seen?.volume.attachments.some(({ instanceId }) => instanceId === from)) return false
    await save(machine, pace)
    return true
  }
  // A snapshot of the machine was taken meanwhile: with its image all would go that was written since.
  if (slot.medium !== medium.ref) throw hasLaterImage(medium.facts?.name ?? medium.id, medium)
  const { controller: name, port: controllerPort, device } = slot
  try {
    await session.call('IMachine_detachDevice', { _this, name, controllerPort, device })
  } catch (error) {
    if (hasCode(error, Code.notSupported)) throw notHotPluggable(medium, error)
    throw error
  }
  await save(machine, pace)
  return true
}

/** Somebody may attach it by hand next: that is another attachment. Best done, and no harm where it is not. */
async function forgetAttachment(session: WebSession, medium: Medium): Promise<void> {
  const { ref } = medium
  try {
    // Another guest may have marked it as its own by now.
    const { facts, text } = await readDescription(session, ref)
    if (facts?.attachment === undefined || !isSameMark(facts, medium.facts)) return
    const ended = { machine: '', since: timeAfter(facts) }
    await writeFacts(session, ref, { ...facts, attachment: ended }, text)
  } catch {}
}
