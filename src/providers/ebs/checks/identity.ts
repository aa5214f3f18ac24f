import type { Check, Finding } from '../../../libstorage/check.ts'
import { FailedPreconditionError } from '../../../libstorage/errors.ts'
import type { OwnIdentity } from '../identity.ts'
import type { Examined } from './examined.ts'
import { fail, pass, saidBy, warn } from './findings.ts'

/** Which region, zone and instance count, and where each was found. */
export function identityCheck(examined: Examined): Check {
  return {
    id: 'ebs.identity',
    title: 'region, zone and instance',
    after: ['ebs.metadata'],
    run: async () => await identified(examined),
  }
}

async function identified(examined: Examined): Promise<readonly Finding[]> {
  let found: OwnIdentity
  try {
    found = await examined.own()
  } catch (error) {
    if (error instanceof FailedPreconditionError)
      return [fail(error.finding, error.remedy ?? 'leave ebs.instanceId out')]
    return [
      fail(
        `which instance this is cannot be found out: ${saidBy(error)}`,
        'set ebs.region and ebs.instanceId',
      ),
    ]
  }
  const told = await documentOf(examined)
  const wrong = contradictions(examined, found, told)
  if (wrong.length > 0) return wrong
  const said = [
    `region ${found.region} (${sourceOf(examined.settings.region, found.region, told?.region)})`,
    found.zone === undefined
      ? 'zone as EC2 says it'
      : `zone ${found.zone} (${sourceOf(examined.settings.availabilityZone, found.zone, told?.availabilityZone)})`,
    `instance ${found.instanceId} (${sourceOf(examined.settings.instanceId, found.instanceId, told?.instanceId)})`,
  ]
  return [
    ...examined.warnings.map((one) =>
      warn(one, `set ebs.region to ${found.region}, or leave it out`),
    ),
    pass(said.join(', ')),
  ]
}

type Document = Readonly<Record<'region' | 'availabilityZone' | 'instanceId', string | undefined>>

/** What the metadata say, be it that everything is configured and nobody else asks them. */
async function documentOf(examined: Examined): Promise<Document | undefined> {
  const text = await examined.told('/latest/dynamic/instance-identity/document')
  try {
    const document: unknown = JSON.parse(text ?? '')
    return typeof document === 'object' && document !== null ? (document as Document) : undefined
  } catch {
    return undefined
  }
}

function contradictions(
  { settings }: Examined,
  { region, zone }: OwnIdentity,
  told: Document | undefined,
): Finding[] {
  const { instanceId } = settings
  const differs = (key: string, set: string | undefined, truth: string | undefined) =>
    set !== undefined && truth !== undefined && set !== truth
      ? [
          fail(
            `ebs.${key} is ${set}, but this instance is ${truth}`,
            `set ebs.${key} to ${truth}, or leave it out`,
          ),
        ]
      : []
  return [
    ...differs('instanceId', instanceId, told?.instanceId),
    // What the metadata say of these goes first unless all three are set.
    ...(region === told?.region ? [] : differs('region', region, told?.region)),
    ...(zone === told?.availabilityZone
      ? []
      : differs('availabilityZone', zone, told?.availabilityZone)),
    ...(zone === undefined || zone.startsWith(region)
      ? []
      : [
          fail(
            `zone ${zone} is not one of region ${region}`,
            'set ebs.region and ebs.availabilityZone to those of this instance',
          ),
        ]),
  ]
}

function sourceOf(
  configured: string | undefined,
  value: string,
  told: string | undefined,
): 'configured' | 'metadata service' | 'firmware' {
  if (configured === value) return 'configured'
  return told === value ? 'metadata service' : 'firmware'
}
