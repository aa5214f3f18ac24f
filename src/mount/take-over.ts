import { FailedPreconditionError, volumeNamed } from '../libstorage/errors.ts'
import type { InstanceId, Volume, VolumeAttachment } from '../libstorage/types.ts'

/** The attachments that other machines have. */
export function heldElsewhere(volume: Volume, here: InstanceId): readonly VolumeAttachment[] {
  return volume.attachments.filter((attachment) => attachment.instanceId !== here)
}

/** The refusal of a volume that another machine has; says who, since when, and the way out. */
export function attachedElsewhere(
  volume: Volume,
  holders: readonly VolumeAttachment[],
): FailedPreconditionError {
  const who = holders.map(
    ({ instanceId, state, since }) => `${instanceId} (${state} since ${since.toISOString()})`,
  )
  return new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: `is attached to ${who.join(' and ')}`,
    remedy: 'stop what uses it there, or detach it there, and try again',
  })
}
