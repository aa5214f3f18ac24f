import type { VolumeAttachment as Ec2Attachment, Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import type {
  AttachmentState,
  Volume,
  VolumeAttachment,
  VolumeId,
  VolumeState,
} from '../../libstorage/types.ts'
import type { PlatformClock } from './platform-clock.ts'
import { labelsOf, MANAGED_TAG, nameOf, type TagScope, tagValue } from './tags.ts'

/** For how long EC2 may hide what it has made, in milliseconds, counted from then. */
export const HIDDEN_MS = 30_000
/** How long it is looked for what one look does not show although EC2 should know it: not all of it knows the same. */
export const UNSEEN = { forMs: 5_000, nextMs: 1_000, maxMs: 2_000 }
/** The devices that an instance starts from (EC2 User Guide, "Device names"). */
const ROOT_DEVICES = new Set(['/dev/sda1', '/dev/sda', '/dev/xvda'])
/** Tags by which others mark the volumes that they look after. */
const OTHERS_TAGS: Readonly<Record<string, string>> = {
  'ebs.csi.aws.com/cluster': "Kubernetes' EBS CSI driver",
  'kubernetes.io/created-for/pv/name': 'Kubernetes',
  CSIVolumeName: "Kubernetes' EBS CSI driver",
}

/** A volume of EC2 as the core knows volumes. */
export function toVolume(seen: Ec2Volume, scope: TagScope): Volume {
  const id = seen.VolumeId ?? ''
  const tags = seen.Tags ?? []
  const attachments = (seen.Attachments ?? []).flatMap((one) => toAttachment(id, one) ?? [])
  return {
    id,
    name: nameOf(scope, tags),
    sizeGiB: seen.Size ?? 0,
    state: toState(seen.State),
    attachments,
    managed: tagValue(tags, MANAGED_TAG) === 'true',
    labels: labelsOf(tags),
    ...defined({
      zone: seen.AvailabilityZone,
      type: seen.VolumeType,
      iops: seen.Iops,
      encrypted: seen.Encrypted,
      multiAttach: seen.MultiAttachEnabled === true ? true : undefined,
      createdAt: seen.CreateTime,
      problem: seen.State === 'error' ? 'is in state error on EBS' : undefined,
      madeFrom: originOf(seen),
      managedBy: managerOf(seen),
    }),
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The facts that there are. */
function defined<T extends object>(facts: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(facts).filter(([, value]) => value !== undefined),
  ) as Defined<T>
}

function originOf({ SnapshotId, SourceVolumeId }: Ec2Volume): Volume['madeFrom'] {
  if (SnapshotId) return 'snapshot'
  return SourceVolumeId ? 'volume' : undefined
}

/** One attachment, or undefined for one that is over. `busy` is a detach that waits for the instance to let go. */
export function toAttachment(
  volumeId: VolumeId,
  seen: Ec2Attachment,
): VolumeAttachment | undefined {
  const state = STATES[seen.State ?? '']
  if (state === undefined || seen.InstanceId === undefined) return undefined
  return {
    volumeId,
    instanceId: seen.InstanceId,
    state,
    since: wholeSeconds(seen.AttachTime ?? new Date(0)),
    ...(seen.Device !== undefined && { deviceName: seen.Device }),
  }
}

/** The answer to an attach has the milliseconds of its time, no look-up has: it is the same attachment all the same. */
function wholeSeconds(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1_000) * 1_000)
}

/** Whether it was deleted, be it that EC2 still shows it: there is no way back. */
export function isGone({ State }: Ec2Volume): boolean {
  return State === 'deleting' || State === 'deleted'
}

/** Whether an instance starts from it. */
export function isRootDisk({ Attachments = [] }: Ec2Volume): boolean {
  return Attachments.some(isRoot)
}

function isRoot({ Device = '' }: Ec2Attachment): boolean {
  return ROOT_DEVICES.has(Device)
}

/** Whether EC2 still has the volume: the others' names are free. */
export function isLiving({ State }: Ec2Volume): boolean {
  return State === 'creating' || State === 'available' || State === 'in-use'
}

/** Whether it was made so short a time ago that not all of EC2 may know it. */
export function isYoung(
  { ec2, pace }: { readonly ec2: { readonly clock: PlatformClock }; readonly pace: number },
  { CreateTime }: Ec2Volume,
): boolean {
  return CreateTime !== undefined && ec2.clock.pastAtLeast(CreateTime.getTime()) < HIDDEN_MS * pace
}

const STATES: Readonly<Record<string, AttachmentState>> = {
  attaching: 'attaching',
  attached: 'attached',
  detaching: 'detaching',
  busy: 'detaching',
}

function toState(state: string | undefined): VolumeState {
  switch (state) {
    case 'creating':
    case 'available':
    case 'in-use':
    case 'error':
      return state
    default:
      return 'deleting'
  }
}

function managerOf({ Operator, Tags = [], Attachments = [] }: Ec2Volume): string | undefined {
  if (Operator?.Managed === true) return Operator.Principal ?? 'a service of AWS'
  const mark = Tags.find(({ Key = '' }) => Object.hasOwn(OTHERS_TAGS, Key))?.Key
  if (mark !== undefined) return OTHERS_TAGS[mark]
  const root = Attachments.find(isRoot)
  return root === undefined ? undefined : `instance ${root.InstanceId} as its root disk`
}
