import type { Volume, VolumeAttachment } from '../../libstorage/types.ts'
import type { Viewpoint, VolumeView } from '../../mount/integration-driver.ts'

/** How a volume stands to this machine; `unavailable` means that another one has it. */
export type VolumeStatus = 'attached' | 'available' | 'unavailable' | 'unknown'

/** REX-Ray's numbers for the same. */
export const ATTACHMENT_STATES: Readonly<Record<VolumeStatus, number>> = {
  unknown: 1,
  attached: 2,
  available: 3,
  unavailable: 4,
}

/** How the volume stands to the instance. */
export function volumeStatus(volume: Volume, { instance }: Viewpoint): VolumeStatus {
  const holders = volume.attachments.map(({ instanceId }) => instanceId)
  if (holders.includes(instance)) return 'attached'
  if (holders.length > 0) return 'unavailable'
  return volume.state === 'available' ? 'available' : 'unknown'
}

/** A volume as REX-Ray's JSON has it: its fields in its order, empty ones left out except name, id and type. */
export function volumeReport(
  { volume, service }: VolumeView,
  viewpoint: Viewpoint,
): Readonly<Record<string, unknown>> {
  const { attachments, zone, encrypted, iops, name, sizeGiB, state, id, type, labels } = volume
  const owner = { driver: viewpoint.driver, service }
  return {
    ...(attachments.length > 0 && {
      attachments: attachments.map((attachment) => attachmentReport(attachment, owner)),
    }),
    attachmentState: ATTACHMENT_STATES[volumeStatus(volume, viewpoint)],
    ...(zone !== undefined && { availabilityZone: zone }),
    ...(encrypted === true && { encrypted }),
    ...(iops !== undefined && iops > 0 && { iops }),
    name,
    ...(sizeGiB > 0 && { size: sizeGiB }),
    status: state,
    id,
    type: type ?? '',
    ...(Object.keys(labels).length > 0 && { fields: labels }),
  }
}

function attachmentReport(
  { deviceName, instanceId, state, volumeId }: VolumeAttachment,
  owner: { readonly driver: string; readonly service: string },
): Readonly<Record<string, unknown>> {
  return {
    deviceName: deviceName ?? '',
    instanceID: { id: instanceId, ...owner },
    status: state,
    volumeID: volumeId,
  }
}
