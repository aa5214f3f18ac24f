import type { VolumeAttachment } from '../libstorage/types.ts'
import type { MountContext } from './mount-context.ts'
import type { Disk } from './mounter.ts'

/**
 * The device of an attachment, and of a block device what tells it from a later one of its name; undefined while it is not
 * there. Names are used again: only what is still the volume's after it was looked at was the volume's then.
 */
export async function attachedDisk(
  { service, mounter }: Pick<MountContext, 'service' | 'mounter'>,
  attachment: VolumeAttachment,
): Promise<Disk | undefined> {
  const { executor, storage } = service
  const device = await executor.device(attachment)
  if (device === undefined) return undefined
  if (storage === 'directory') return { device }
  const identity = mounter.deviceIdentity(device)
  const isStill = identity !== undefined && (await executor.device(attachment)) === device
  return isStill ? { device, identity } : undefined
}
