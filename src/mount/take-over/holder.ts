import type { StorageDriver } from '../../libstorage/storage-driver.ts'
import type {
  InstanceId,
  InstanceStatus,
  Volume,
  VolumeAttachment,
} from '../../libstorage/types.ts'
import type { HolderState } from './policy.ts'

/** Another machine that has the volume, as one look saw it. */
export interface Holder {
  readonly id: InstanceId
  readonly attachment: VolumeAttachment
  readonly state: HolderState
  /** Since when the machine is so, where the platform tells. */
  readonly stateSince?: Date | undefined
}

/** The attachments that other machines have. */
export function heldElsewhere(
  volume: Pick<Volume, 'attachments'>,
  here: InstanceId,
): readonly VolumeAttachment[] {
  return volume.attachments.filter((attachment) => attachment.instanceId !== here)
}

/** Looks how the machine stands that has this attachment. A platform that knows nothing of machines cannot tell: it counts as running. */
export async function lookAtHolder(
  driver: Pick<StorageDriver, 'instances'>,
  attachment: VolumeAttachment,
): Promise<Holder> {
  const id = attachment.instanceId
  if (driver.instances === undefined) return { id, attachment, state: alive(attachment) }
  const status = await driver.instances.status(id)
  return {
    id,
    attachment,
    state: stateOf(status, attachment),
    ...(status?.since !== undefined && { stateSince: status.since }),
  }
}

/** How a machine counts that has such an attachment; undefined is one that the platform does not know. */
export function stateOf(
  status: InstanceStatus | undefined,
  attachment: VolumeAttachment,
): HolderState {
  switch (status?.state) {
    case undefined:
    case 'terminated':
      return 'gone'
    case 'stopped':
    case 'stopping':
      return status.state
    case 'pending':
    case 'running':
      return alive(attachment)
  }
}

/** Whether two looks saw the same attachment: a later one to the same machine is another. */
export function isSameAttachment(one: Holder | undefined, other: Holder): boolean {
  return one?.id === other.id && one.attachment.since.getTime() === other.attachment.since.getTime()
}

function alive({ state }: VolumeAttachment): HolderState {
  return state === 'detaching' ? 'leaving' : 'running'
}
