import type { VolumeAttachment } from '../libstorage/types.ts'
import { type LedgerRecord, recordedAttachment } from './ledger-record.ts'
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

/**
 * The device of a record's attachment as its disk is known from before, while the kernel shows that very disk on: who does not
 * see it for a moment, as while its controller is reset, has not shown that it is gone. Never waits for a disk.
 */
export function shownDevice(
  { mounter, machine }: Pick<MountContext, 'mounter' | 'machine'>,
  { attachment, mount, bootId }: LedgerRecord,
): string | undefined {
  const { device, identity } = attachment?.disk ?? mount ?? {}
  if (device === undefined || identity === undefined || bootId !== machine.bootId())
    return undefined
  return mounter.deviceIdentity(device) === identity ? device : undefined
}

/**
 * Whether a device is for certain the disk that a record's attachment was seen to have. One that is attached anew is another
 * disk to the kernel, unless all that tells disks apart is their number, which is given again.
 */
export function isSameDisk(
  context: Pick<MountContext, 'mounter' | 'machine'>,
  record: LedgerRecord,
  device: string | undefined,
): boolean {
  const identity = record.attachment?.disk?.identity
  if (device === undefined || identity === undefined || /^\d+:\d+$/.test(identity)) return false
  return shownDevice(context, record) === device
}

/** The device of a record's attachment, seen or shown. */
export async function attachedDevice(
  context: MountContext,
  record: LedgerRecord,
): Promise<string | undefined> {
  const attachment = recordedAttachment(record)
  const seen = attachment && (await context.service.executor.device(attachment))
  return seen ?? shownDevice(context, record)
}
