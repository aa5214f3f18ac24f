import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { EbsSettings } from './config.ts'
import type { OtherRegion } from './connection.ts'
import type { Ec2 } from './ec2.ts'
import type { MachineIdentity } from './identity.ts'
import { partitionOf } from './partition.ts'
import { whereEc2Is } from './where.ts'

/** `eu-west-1`, `us-gov-east-1`: it becomes part of the name of a host. */
const FORM = /^[a-z]{2,8}(-[a-z]{2,12})+-\d{1,2}$/

/** What says where EC2 of other regions is. */
export interface RegionSources {
  readonly settings: EbsSettings
  readonly identity: Pick<MachineIdentity, 'own'>
  /** The URLs of EC2 that are not those of AWS, by region. */
  readonly endpoints: Readonly<Record<string, string>>
}

/** Gives EC2 of another region, connected by `connect`, where it can be asked from here. */
export function otherRegions(
  sources: RegionSources,
  connect: (there: OtherRegion) => Ec2,
): (region: string) => Promise<Ec2> {
  return async (region) => connect(await reachable(sources, region))
}

/**
 * Where EC2 of another region is. Rejects with `InvalidArgumentError` where a text is no region, accounts end before it, or
 * all requests go to one endpoint, which the settings or the environment name.
 */
async function reachable(
  { settings, identity, endpoints }: RegionSources,
  region: string,
): Promise<OtherRegion> {
  const { region: own } = await identity.own()
  if (!FORM.test(region))
    throw unreachable(region, 'is no region of AWS', 'use the name of one, such as eu-west-1')
  if (partitionOf(region) !== partitionOf(own))
    throw unreachable(
      region,
      `is in another partition of AWS than ${own}, and no account is in both`,
      `use a region of partition ${partitionOf(own)}`,
    )
  const endpoint = endpoints[region]
  if (endpoint !== undefined) return { region, endpoint }
  const there = await whereEc2Is(settings, region)
  if (there === (await whereEc2Is(settings, own)))
    throw unreachable(
      region,
      `cannot be asked: all requests go to ${new URL(there).origin}, which is EC2 of ${own}`,
      'leave out ebs.endpoint (or AWS_ENDPOINT_URL), or leave out the region',
    )
  return { region }
}

function unreachable(region: string, problem: string, remedy: string): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: `region ${JSON.stringify(region)}`,
    problem,
    remedy,
  })
}
