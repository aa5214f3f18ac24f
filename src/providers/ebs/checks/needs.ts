import type { PlatformUse } from '../../definition.ts'

/** What an action is about, which decides what it can be tried on. */
export type Target = 'nothing' | 'new volume' | 'volume' | 'instance' | 'snapshot'

/** One permission that the provider uses. */
export interface Need {
  readonly action: `ec2:${string}`
  readonly on: readonly Target[]
  /** What does not work without it, where all else does. */
  readonly without?: string
}

/** Every permission that the provider may use (`docs/operations.md`, "On EC2"). */
export const NEEDS: readonly Need[] = [
  { action: 'ec2:DescribeVolumes', on: ['nothing'] },
  { action: 'ec2:DescribeInstances', on: ['nothing'] },
  {
    action: 'ec2:DescribeInstanceTypes',
    on: ['nothing'],
    without: 'the attachment limit is found out by running into it',
  },
  { action: 'ec2:DescribeSnapshots', on: ['nothing'] },
  { action: 'ec2:DescribeVolumesModifications', on: ['nothing'] },
  { action: 'ec2:CreateVolume', on: ['new volume'] },
  { action: 'ec2:CreateTags', on: ['new volume'] },
  { action: 'ec2:AttachVolume', on: ['volume', 'instance'] },
  { action: 'ec2:DetachVolume', on: ['volume', 'instance'] },
  { action: 'ec2:DeleteVolume', on: ['volume'] },
  { action: 'ec2:ModifyVolume', on: ['volume'] },
  { action: 'ec2:CreateSnapshot', on: ['volume'] },
  { action: 'ec2:CopySnapshot', on: ['snapshot'], without: 'no snapshot is copied' },
  { action: 'ec2:DeleteSnapshot', on: ['snapshot'] },
  { action: 'ec2:CopyVolumes', on: ['volume', 'new volume'] },
  {
    action: 'ec2:StopInstances',
    on: ['instance'],
    without: 'preempt: fence cannot stop another machine',
  },
]

/** Those of them that a service needs by the way it is used. */
export function needsOf({ stopsMachines }: PlatformUse): readonly Need[] {
  return NEEDS.filter(({ action }) => stopsMachines || action !== 'ec2:StopInstances')
}
