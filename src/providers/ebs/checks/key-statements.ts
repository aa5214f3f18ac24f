import { partitionOf } from '../partition.ts'
import { dnsSuffix } from '../transport.ts'
import type { Statement } from './policy.ts'

/** A key of KMS as it is configured, and where it is used. */
export interface UsedKey {
  /** Its id or ARN, or an alias or the ARN of one. */
  readonly id: string
  /** The region of the service; empty where it is not known. */
  readonly region: string
}

/**
 * What a caller needs on the key of encrypted volumes: all but a look at it is done by EC2 in the caller's name (Amazon EBS
 * User Guide, "Required permissions for IAM users"; AWS KMS Developer Guide, "kms:ViaService").
 */
export function keyStatements(key: UsedKey): Statement[] {
  const { resource: Resource, alias } = inPolicy(key)
  // One key may have several aliases; as a resource an alias means itself and not its key.
  const byAlias =
    alias === undefined
      ? undefined
      : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } }
  const byEc2 = {
    [key.region === '' ? 'StringLike' : 'StringEquals']: { 'kms:ViaService': ec2In(key.region) },
  }
  const lent = { Bool: { 'kms:GrantIsForAWSResource': 'true' } }
  const allow = (Sid: string, names: string, Condition: Statement['Condition']): Statement => ({
    Sid,
    Effect: 'Allow',
    Action: names.split(' ').map((name) => `kms:${name}`),
    Resource,
    ...(Condition && { Condition }),
  })
  return [
    allow('LookAtKey', 'DescribeKey', byAlias),
    allow('UseKey', 'Decrypt GenerateDataKeyWithoutPlaintext ReEncrypt*', { ...byEc2, ...byAlias }),
    allow('LendKey', 'CreateGrant', { ...byEc2, ...lent, ...byAlias }),
  ]
}

/** What a simulation has to know of a request of EC2's on a key. */
export function keyContext(key: UsedKey): Record<string, string | readonly string[]> {
  const { alias } = inPolicy(key)
  return {
    'kms:GrantIsForAWSResource': 'true',
    'kms:ViaService': `ec2.${key.region}.amazonaws.com`,
    ...(alias !== undefined && { 'kms:ResourceAliases': [alias] }),
  }
}

/** How policies name a key: by its ARN, in which its account may be left open, or all of a place by their alias. */
function inPolicy({ id, region }: UsedKey): { resource: string; alias?: string } {
  const ofRegion = `arn:${partitionOf(region)}:kms:${region || '*'}:*`
  const [, place = ofRegion, kind = 'key', name = ''] =
    /^(?:(arn:[^:]*:kms:[^:]*:[^:]*):)?(?:(key|alias)\/)?(.*)$/.exec(id) ?? []
  return kind === 'alias'
    ? { resource: `${place}:key/*`, alias: `alias/${name}` }
    : { resource: `${place}:key/${name}` }
}

/** The names that KMS may have for EC2 in a region. */
function ec2In(region: string): string | readonly string[] {
  if (region === '') return 'ec2.*.amazonaws.com'
  const names = new Set(['amazonaws.com', dnsSuffix(region)])
  const [first = '', ...others] = [...names].map((suffix) => `ec2.${region}.${suffix}`)
  return others.length === 0 ? first : [first, ...others]
}
