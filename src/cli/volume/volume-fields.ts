import type { VolumeAttachment } from '../../libstorage/types.ts'
import type { Viewpoint, VolumeView } from '../../mount/integration-driver.ts'
import type { TemplateFunction } from '../output/template/functions.ts'
import { TemplateObject } from '../output/template/values.ts'
import { ATTACHMENT_STATES, volumeReport, volumeStatus } from './volume-report.ts'

/** A volume as templates see it: REX-Ray's names, and an empty value for what it does not have. */
export function volumeFields(view: VolumeView, viewpoint: Viewpoint): TemplateObject {
  const { volume, mountpoint = '', service } = view
  const fields = {
    Attachments: volume.attachments.map((one) =>
      attachmentFields(one, { viewpoint, service, mountpoint }),
    ),
    AttachmentState: ATTACHMENT_STATES[volumeStatus(volume, viewpoint)],
    AvailabilityZone: volume.zone ?? '',
    Encrypted: volume.encrypted === true,
    IOPS: volume.iops ?? 0,
    Name: volume.name,
    NetworkName: '',
    Size: volume.sizeGiB,
    Status: volume.state,
    ID: volume.id,
    Type: volume.type ?? '',
    Fields: new Map(Object.entries(volume.labels)),
    Path: mountpoint,
  }
  return new TemplateObject('a volume', fields, volumeReport(view, viewpoint))
}

interface Owner {
  readonly viewpoint: Viewpoint
  readonly service: string
  readonly mountpoint: string
}

function attachmentFields(
  { deviceName = '', instanceId, state, volumeId }: VolumeAttachment,
  { viewpoint, service, mountpoint }: Owner,
): TemplateObject {
  const isHere = instanceId === viewpoint.instance
  const instance = { ID: instanceId, Driver: viewpoint.driver, Service: service }
  const fields = {
    DeviceName: deviceName,
    InstanceID: new TemplateObject('an instance id', instance, {
      id: instanceId,
      driver: viewpoint.driver,
      service,
    }),
    MountPoint: isHere ? mountpoint : '',
    Status: state,
    VolumeID: volumeId,
  }
  return new TemplateObject('an attachment', fields, {
    deviceName,
    instanceID: { id: instanceId },
    status: state,
    volumeID: volumeId,
  })
}

const status: TemplateFunction = {
  least: 1,
  most: 1,
  call: ([value]) => {
    const state = value instanceof TemplateObject ? value.fields['AttachmentState'] : value
    const found = Object.entries(ATTACHMENT_STATES).find(([, number]) => number === state)
    return found?.[0] ?? 'unknown'
  },
}

/** How a volume, or its `.AttachmentState`, stands to this machine, as the table says it; two names of REX-Ray's. */
export const volumeFunctions: Readonly<Record<string, TemplateFunction>> = {
  printAttState: status,
  volumeStatus: status,
}

/** A volume that has everything a template may ask for. */
export function sampleVolume({ instance }: Viewpoint): VolumeView {
  const id = 'vol-0'
  const attachment = {
    volumeId: id,
    instanceId: instance,
    state: 'attached',
    since: new Date(0),
  } as const
  const volume = {
    id,
    name: 'sample',
    sizeGiB: 1,
    state: 'in-use',
    attachments: [attachment],
    managed: true,
    labels: {},
  } as const
  return { volume, service: 'sample', mountpoint: '/sample' }
}
