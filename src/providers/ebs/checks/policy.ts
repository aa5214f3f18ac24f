import type { Volume } from '../../../libstorage/types.ts'
import type { PolicyAdvice } from '../../definition.ts'
import { MANAGED_TAG } from '../tags.ts'
import { keyStatements, type UsedKey } from './key-statements.ts'

/** One statement of a policy, as IAM's JSON has it. */
export interface Statement {
  readonly Sid: string
  readonly Effect: 'Allow'
  readonly Action: readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >
}

/** A policy of IAM. */
export interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly Statement[]
}

/** How many volumes are named one by one. */
const NAMED = 3
const TAG = `the tag ${MANAGED_TAG}=true`

/** What decides which statements are needed. */
export interface PolicyNeeds {
  /** Whether another machine may be stopped to take a volume from it (`preempt: fence`). */
  readonly stopsMachines: boolean
  /** The partition of AWS: `aws`, `aws-cn`, `aws-us-gov`. */
  readonly partition: string
  /** Whether only what carries Remora's own tag may be used; volumes of REX-Ray's have none. */
  readonly tagged: boolean
  /** The KMS key of encrypted volumes, where there is one of the customer's own. */
  readonly key?: UsedKey | undefined
}

/** The least that a caller must be allowed (Service Authorization Reference, "Actions defined by Amazon EC2"). */
export function minimalPolicy({ partition, tagged, stopsMachines, key }: PolicyNeeds): Policy {
  const { volumes, volumesThere, snapshots, instances } = resourcesOf(partition)
  const made = tagged ? { Condition: equals(`aws:RequestTag/${MANAGED_TAG}`, 'true') } : {}
  const ours = tagged ? { Condition: equals(`aws:ResourceTag/${MANAGED_TAG}`, 'true') } : {}
  const allow = (
    Sid: string,
    names: string,
    Resource: Statement['Resource'],
    rest = {},
  ): Statement => ({
    Sid,
    Effect: 'Allow',
    Action: names.split(' ').map((name) => `ec2:${name}`),
    Resource,
    ...rest,
  })
  const makers = ['CreateVolume', 'CopyVolumes', 'CreateSnapshot', 'CopySnapshot']
  return {
    Version: '2012-10-17',
    Statement: [
      allow(
        'Look',
        'DescribeVolumes DescribeVolumesModifications DescribeSnapshots DescribeInstances DescribeInstanceTypes',
        '*',
      ),
      allow('MakeVolumes', 'CreateVolume CopyVolumes', volumes, made),
      allow('MakeSnapshots', 'CreateSnapshot CopySnapshot', snapshots, made),
      allow('MakeOfSnapshots', 'CreateVolume', snapshots),
      allow('MakeOfVolumes', 'CopyVolumes', volumesThere),
      allow('TagWhatIsMade', 'CreateTags', [volumes, snapshots], {
        Condition: equals('ec2:CreateAction', makers),
      }),
      allow(
        'UseVolumes',
        'AttachVolume DetachVolume ModifyVolume DeleteVolume CreateSnapshot',
        volumes,
        ours,
      ),
      allow('UseInstances', 'AttachVolume DetachVolume', instances),
      allow('UseSnapshots', 'CopySnapshot DeleteSnapshot', snapshots, ours),
      ...(stopsMachines ? [fence(partition)] : []),
      ...(key === undefined ? [] : keyStatements(key)),
    ],
  }
}

/** What `preempt: fence` needs besides. */
function fence(partition: string): Statement {
  const Resource = resourcesOf(partition).instances
  return { Sid: 'Fence', Effect: 'Allow', Action: ['ec2:StopInstances'], Resource }
}

/** The statements that allow one action, without conditions on tags, as JSON. */
export function allowing(action: string, partition: string): string {
  const all = minimalPolicy({ partition, tagged: false, stopsMachines: true })
  const found = all.Statement.filter(({ Action }) => Action.includes(action))
  return found.map((one) => JSON.stringify({ ...one, Action: [action] })).join(', ')
}

/**
 * Both forms of the policy, and which one fits these volumes: with the conditions on tags those without the tag could not
 * be used, which counts where the instance has some of them. A text in place of volumes says why they cannot be seen.
 */
export function policyFor(
  volumes: readonly Volume[] | string,
  {
    instanceId,
    ...needs
  }: Omit<PolicyNeeds, 'tagged'> & { readonly instanceId?: string | undefined },
): PolicyAdvice {
  const policies = {
    tagged: minimalPolicy({ ...needs, tagged: true }),
    untagged: minimalPolicy({ ...needs, tagged: false }),
  }
  if (typeof volumes === 'string')
    return {
      fits: 'untagged',
      because: `it fits whatever is there, and the volumes cannot be seen: ${volumes}`,
      policies,
    }
  const without = volumes.filter(({ managed }) => !managed)
  const used = without.filter(({ attachments }) =>
    attachments.some((one) => one.instanceId === instanceId),
  )
  if (used.length > 0)
    return {
      fits: 'untagged',
      because: `this instance has ${used.length} volume${used.length === 1 ? ' that lacks' : 's that lack'} ${TAG}, as those of REX-Ray do: ${listed(used)}`,
      policies,
    }
  if (without.length > 0)
    return {
      fits: 'tagged',
      because: `this instance has none of the ${without.length} of ${volumes.length} volumes with a name that lack ${TAG}; until they get it, those could not be attached, detached, resized, copied to a snapshot or removed: ${listed(without)}`,
      policies,
    }
  return {
    fits: 'tagged',
    because: `there is no volume with a name that lacks ${TAG}`,
    policies,
  }
}

function listed(volumes: readonly Volume[]): string {
  const some = volumes.slice(0, NAMED).map(({ id, name }) => `${id} (${name})`)
  const rest = volumes.length > NAMED ? ` and ${volumes.length - NAMED} more` : ''
  return some.join(', ') + rest
}

/** The ARNs of what the policies are about; what is being made has no id yet. */
function resourcesOf(partition: string) {
  return {
    volumes: `arn:${partition}:ec2:*:*:volume/*`,
    volumesThere: `arn:${partition}:ec2:*:*:volume/vol-*`,
    snapshots: `arn:${partition}:ec2:*::snapshot/*`,
    instances: `arn:${partition}:ec2:*:*:instance/*`,
  }
}

function equals(key: string, value: string | readonly string[]) {
  return { StringEquals: { [key]: value } }
}
