import {
  type _InstanceType,
  DescribeInstanceTypesCommand,
  type Volume as Ec2Volume,
  type Instance,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2'
import type { Check, Finding } from '../../../libstorage/check.ts'
import { NotFoundError } from '../../../libstorage/errors.ts'
import type { OwnIdentity } from '../identity.ts'
import { toVolume } from '../volume.ts'
import type { Examined } from './examined.ts'
import { fail, pass, warn } from './findings.ts'
import { refused } from './refusals.ts'

const BEFORE = ['ebs.metadata', 'ebs.identity', 'ebs.endpoint', 'ebs.credentials', 'ebs.caller']
/** How few free places are worth a word, unless that is more than half of all. */
const FEW = 2
/** What EC2 takes for an attach and a detach at most when all is well, in milliseconds. */
const STUCK_MS = 90_000

/** This instance as EC2 shows it: whether it is there, in the zone that counts, and how its metadata may be asked. */
export function instanceCheck(examined: Examined): Check {
  return {
    id: 'ebs.instance',
    title: 'this instance as EC2 shows it',
    after: BEFORE,
    async run() {
      try {
        return shown(await examined.own(), await examined.instance())
      } catch (error) {
        if (!(error instanceof NotFoundError))
          return [await refused(examined, 'ec2:DescribeInstances', error)]
        const { instanceId, region } = await examined.own()
        return [
          fail(
            `EC2 shows no instance ${instanceId} to this caller in ${region}`,
            'set ebs.region and ebs.instanceId to those of this machine, or use credentials of its account',
          ),
        ]
      }
    },
  }
}

/** How many volumes this instance can have, what takes the places, and what is stuck there. */
export function attachmentsCheck(examined: Examined): Check {
  return {
    id: 'ebs.attachments',
    title: 'room for volumes on this instance',
    after: [...BEFORE, 'ebs.instance'],
    async run() {
      const instance = await examined.instance()
      const { InstanceId: id = '', InstanceType: type = '' } = instance
      let attached: readonly Ec2Volume[]
      try {
        attached = await examined.attachedHere()
      } catch (error) {
        return [await refused(examined, 'ec2:DescribeVolumes', error)]
      }
      const stuck = attached.flatMap((one) => stuckOn(one, id))
      try {
        const found = await limitOf(examined, type)
        const limit = found && placesFor(found, instance)
        return [...stuck, room(`${id} (${type})`, attached, id, limit)]
      } catch (error) {
        const { seen, remedy = '' } = await refused(examined, 'ec2:DescribeInstanceTypes', error)
        return [...stuck, warn(`how many volumes ${id} can have is not known: ${seen}`, remedy)]
      }
    },
  }
}

function shown({ instanceId, zone }: OwnIdentity, seen: Instance): Finding[] {
  const there = seen.Placement?.AvailabilityZone ?? zone
  if (zone !== undefined && there !== zone)
    return [
      fail(
        `ebs.availabilityZone is ${zone}, but ${instanceId} is in ${there}: its volumes would be made where it cannot have them`,
        `set ebs.availabilityZone to ${there}, or leave it out`,
      ),
    ]
  return [
    pass(`${instanceId} is ${seen.State?.Name ?? 'there'} in ${there ?? 'an unknown zone'}`),
    ...metadataOptions(instanceId, seen),
  ]
}

function metadataOptions(id: string, { MetadataOptions }: Instance): Finding[] {
  const { HttpPutResponseHopLimit: hops, HttpTokens: tokens, HttpEndpoint } = MetadataOptions ?? {}
  if (hops === undefined || HttpEndpoint === 'disabled') return []
  const versions = tokens === 'required' ? 'version 2 alone' : 'versions 1 and 2'
  return [
    pass(
      `the metadata of ${id} answer by ${versions} over ${hops} hop${hops === 1 ? ' (inside a container network they need 2)' : 's'}`,
    ),
  ]
}

async function limitOf(examined: Examined, type: string): Promise<InstanceTypeInfo | undefined> {
  const { InstanceTypes = [] } = await examined.send(
    new DescribeInstanceTypesCommand({ InstanceTypes: [type as _InstanceType] }),
  )
  return InstanceTypes[0]
}

/**
 * The places for volumes: of a shared number EC2 has taken off the first network interface and the disks of the instance
 * itself, further interfaces take theirs besides (EC2 User Guide, "Amazon EBS volume limits").
 */
function placesFor(
  { EbsInfo }: InstanceTypeInfo,
  { NetworkInterfaces = [] }: Instance,
): number | undefined {
  const most = EbsInfo?.MaximumEbsAttachments
  if (most === undefined || most < 1) return undefined
  if (EbsInfo?.AttachmentLimitType !== 'shared') return most
  return Math.max(1, most - Math.max(0, NetworkInterfaces.length - 1))
}

function room(
  instance: string,
  attached: readonly Ec2Volume[],
  id: string,
  limit: number | undefined,
): Finding {
  const used = attached.length
  if (limit === undefined)
    return pass(`${instance} has ${used} volumes; EC2 does not say how many it can have`)
  const seen = `${instance} has ${used} of the ${limit} volumes it can have`
  const by = `: ${attached.map((one) => described(one, id)).join(', ')}`
  const ways = [
    'detach some: remora volume detach <name>',
    'or use an instance type with more of them',
  ]
  if (used >= limit)
    return fail(seen + by, 'detach some: remora volume detach <name>', ...ways.slice(1))
  if (limit - used <= Math.min(FEW, Math.floor(limit / 2))) return warn(seen + by, ...ways)
  return pass(seen)
}

function described(volume: Ec2Volume, id: string): string {
  const { VolumeId = '', Tags = [], Attachments = [] } = volume
  const name = Tags.find(({ Key }) => Key === 'Name')?.Value
  const { Device = '' } = Attachments.find(({ InstanceId }) => InstanceId === id) ?? {}
  const manager = managerOf(volume)
  const whose = manager === undefined ? '' : `, managed by ${manager}`
  return [VolumeId, ...(name === undefined ? [] : [`(${name})`]), `on ${Device}${whose}`].join(' ')
}

/** Who looks after it, where that is not this program: whoever has attached it detaches it. */
function managerOf(volume: Ec2Volume): string | undefined {
  return toVolume(volume, { prefix: '', rexraySet: '' }).managedBy
}

function stuckOn(volume: Ec2Volume, id: string): Finding[] {
  const { VolumeId = '', Attachments = [] } = volume
  if (managerOf(volume) !== undefined) return []
  return Attachments.filter(({ InstanceId }) => InstanceId === id).flatMap((one) => {
    const { State = '', AttachTime } = one
    const isOld = Date.now() - (AttachTime?.getTime() ?? Date.now()) > STUCK_MS
    if (State === 'busy')
      return [
        warn(
          `${VolumeId} is to be detached from ${id}, which still uses it`,
          `findmnt, to see what has it mounted; EC2 waits for that, and a detach cannot be called off`,
        ),
      ]
    if (State !== 'attaching' || !isOld) return []
    return [
      warn(
        `${VolumeId} is attaching to ${id} since ${AttachTime?.toISOString()}: it is stuck`,
        `aws ec2 detach-volume --volume-id ${VolumeId} --instance-id ${id}`,
      ),
    ]
  })
}
