import { stateCodes } from './instance-life.ts'
import type { Region } from './region.ts'
import type {
  SimAttachment,
  SimInstance,
  SimModification,
  SimSnapshot,
  SimVolume,
  Tags,
} from './resources.ts'
import type { Xml } from './xml.ts'

type Element = { readonly [name: string]: Xml }

/** A volume as DescribeVolumes and CreateVolume show it. */
export function volumeXml(volume: SimVolume): Element {
  return {
    volumeId: volume.id,
    size: volume.sizeGiB,
    snapshotId: volume.snapshotId ?? '',
    sourceVolumeId: volume.sourceVolumeId,
    availabilityZone: volume.zone,
    status: volume.state,
    createTime: volume.createTime,
    attachmentSet: volume.attachments.map(attachmentXml),
    tagSet: tagsXml(volume.tags),
    volumeType: volume.type,
    iops: volume.iops,
    throughput: volume.throughput,
    encrypted: volume.encrypted,
    kmsKeyId: volume.kmsKeyId,
    multiAttachEnabled: volume.multiAttach,
    ...(volume.operator !== undefined && {
      operator: { managed: true, principal: volume.operator },
    }),
  }
}

export function attachmentXml(attachment: SimAttachment): Element {
  return {
    volumeId: attachment.volumeId,
    instanceId: attachment.instanceId,
    device: attachment.device,
    status: attachment.state,
    attachTime: attachment.time,
    deleteOnTermination: attachment.deleteOnTermination,
  }
}

export function instanceXml(region: Region, instance: SimInstance): Element {
  const mappings = region.attachmentsOf(instance.id).map((one) => ({
    deviceName: one.device,
    ebs: {
      volumeId: one.volumeId,
      // The instance's own view knows no `busy`.
      status: one.state === 'busy' ? 'detaching' : one.state,
      attachTime: one.time,
      deleteOnTermination: one.deleteOnTermination,
    },
  }))
  return {
    instanceId: instance.id,
    instanceState: stateXml(instance),
    instanceType: instance.type,
    placement: { availabilityZone: instance.zone },
    reason: instance.reason,
    rootDeviceName: '/dev/xvda',
    metadataOptions: {
      state: 'applied',
      httpTokens: 'required',
      httpPutResponseHopLimit: instance.hopLimit ?? 2,
      httpEndpoint: 'enabled',
    },
    iamInstanceProfile: instance.profile && { arn: profileArn(region, instance.profile) },
    blockDeviceMapping: instance.state === 'terminated' ? [] : mappings,
  }
}

/** The ARN of an instance profile. */
export function profileArn({ accountId }: Pick<Region, 'accountId'>, name: string): string {
  return `arn:aws:iam::${accountId}:instance-profile/${name}`
}

export function stateXml({ state }: Pick<SimInstance, 'state'>): Element {
  return { code: stateCodes[state], name: state }
}

export function snapshotXml(region: Region, snapshot: SimSnapshot): Element {
  return {
    snapshotId: snapshot.id,
    volumeId: snapshot.volumeId,
    status: snapshot.state,
    startTime: snapshot.startTime,
    progress: snapshot.state === 'completed' ? '100%' : '20%',
    ownerId: region.accountId,
    volumeSize: snapshot.sizeGiB,
    statusMessage: snapshot.stateMessage,
    description: snapshot.description,
    encrypted: snapshot.encrypted,
    kmsKeyId: snapshot.kmsKeyId,
    tagSet: tagsXml(snapshot.tags),
  }
}

/** A copy as CopySnapshot shows it: less than any look-up does. */
export function copyXml({ id, tags }: SimSnapshot): Element {
  return { snapshotId: id, tagSet: tagsXml(tags) }
}

export function modificationXml(change: SimModification): Element {
  const progress = { modifying: 0, optimizing: 50, completed: 100, failed: 0 }
  return {
    volumeId: change.volumeId,
    modificationState: change.state,
    statusMessage: change.statusMessage,
    originalSize: change.from.sizeGiB,
    originalVolumeType: change.from.type,
    originalIops: change.from.iops,
    targetSize: change.to.sizeGiB,
    targetVolumeType: change.to.type,
    targetIops: change.to.iops,
    progress: progress[change.state],
    startTime: change.startTime,
  }
}

function tagsXml(tags: Tags): Element[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }))
}
