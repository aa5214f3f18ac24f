import type { Finding } from '../../../libstorage/check.ts'
import type { Volume } from '../../../libstorage/types.ts'
import { MANAGED_TAG } from '../tags.ts'
import type { DryOutcome } from './dry-runs.ts'
import { fail, warn } from './findings.ts'
import type { Need } from './needs.ts'
import { allowing } from './policy.ts'
import type { PolicySource, Simulated } from './simulation.ts'

/** What is known of one permission. */
export interface Evidence {
  readonly need: Need
  /** The partition of AWS. */
  readonly partition: string
  readonly dry: DryOutcome
  /** What it was tried on. */
  readonly volume?: Volume | undefined
  /** Whether that is attached to this instance, so that it has to be allowed. */
  readonly isHere: boolean
  /** Whether EC2 allows it on a volume of the other kind. */
  readonly isAllowedElsewhere: boolean
  readonly simulated?: Simulated | undefined
  /** What the policies say of the same volume, had it Remora's tag. */
  readonly ifTagged?: Simulated | undefined
  /** Whose policies were simulated, or why none were. */
  readonly source?: PolicySource | undefined
  readonly why?: string | undefined
}

/** That an action is allowed, or could not be tried, or which one is denied and what is to be said of it. */
export interface Judged {
  readonly open?: { readonly action: string; readonly why: string }
  readonly denied?: string
  readonly allowed?: string
  readonly finding?: Finding
  /** Set where it is denied on a volume that lacks Remora's tag, and that this instance does not have: it may be none of ours. */
  readonly byTag?: { readonly action: string; readonly volume: Volume }
}

/** Weighs what EC2 says against what IAM says. EC2's word counts: it knows all that limits a caller, and IAM knows why. */
export function judge(evidence: Evidence): Judged {
  const { need, dry, simulated } = evidence
  const { action } = need
  const others = deniedForOthers(evidence)
  if (others !== undefined)
    return { allowed: action, byTag: { action: deniedIn(evidence), volume: others } }
  if (dry.is === 'denied') return { denied: deniedIn(evidence), finding: refused(evidence, dry) }
  if (dry.is === 'allowed' || simulated?.decision === 'allowed') return { allowed: action }
  if (simulated === undefined) return { open: { action, why: dry.why } }
  const seen = `${action} is denied, says IAM's simulation: ${reasonIn(evidence, simulated)}`
  return {
    denied: action,
    finding: weighed(need, seen, remediesFor(evidence, action, simulated)),
  }
}

/** The volume of which an action is denied for its tags alone, though nothing has to be done with it here. */
function deniedForOthers(evidence: Evidence): Volume | undefined {
  const { dry, volume, isHere } = evidence
  if (dry.is !== 'denied' || volume === undefined || isHere) return undefined
  return otherThing(dry.resource, volume) === undefined && isByTag(evidence) ? volume : undefined
}

/** The action that is denied: a request may need others than that by whose name it is called. */
export function deniedIn({ need, dry }: Pick<Evidence, 'need' | 'dry'>): string {
  return (dry.is === 'denied' ? dry.action : undefined) ?? need.action
}

function refused(evidence: Evidence, dry: Extract<DryOutcome, { is: 'denied' }>): Finding {
  const { need, partition, volume, simulated, why = 'IAM is silent about it' } = evidence
  const action = deniedIn(evidence)
  const other = otherThing(dry.resource, volume)
  const on = other ?? (volume && `${volume.id} (${volume.name})`)
  const beside = action === need.action ? '' : ` (${need.action} needs it)`
  const denied = `${action}${on === undefined ? '' : ` on ${on}`} is denied${beside}`
  if (volume !== undefined && other === undefined && isByTag(evidence))
    return weighed(
      need,
      `${denied} by a condition on tags: it is allowed with the tag ${MANAGED_TAG}=true, which this volume lacks, as volumes of REX-Ray's do`,
      [
        `aws ec2 create-tags --resources ${volume.id} --tags Key=${MANAGED_TAG},Value=true`,
        `or take the condition out of the policy: ${allowing(action, partition)}`,
      ],
    )
  if (simulated === undefined)
    return weighed(
      need,
      `${denied} by EC2 (${dry.said}); which policy says so is not known, as ${why}`,
      [
        `allow it in the policy of the caller: ${allowing(action, partition)}`,
        ...decoding(dry.encoded),
      ],
    )
  if (simulated.decision === 'allowed')
    return weighed(
      need,
      `${denied} by EC2, though the policies of ${named(evidence)} allow it: a service control policy, the policy of a session or of a VPC endpoint says no (${dry.said})`,
      ['have that policy allow it: those of the caller need no change', ...decoding(dry.encoded)],
    )
  const seen = `${denied} by EC2 and by IAM's simulation: ${reasonIn(evidence, simulated)}`
  return weighed(need, seen, remediesFor(evidence, action, simulated))
}

/** What a request is denied on where that is not the volume: the instance, which has to be allowed too. */
function otherThing(resource = '', volume: Volume | undefined): string | undefined {
  const id = /(?:instance|volume)\/([\w-]+)$/.exec(resource)?.[1]
  return id === volume?.id ? undefined : id
}

/** Whether the tag alone would help: IAM says so, or where it says nothing, EC2 by what it allows on a volume with the tag. */
function isByTag({ volume, isAllowedElsewhere, simulated, ifTagged }: Evidence): boolean {
  if (volume === undefined || volume.managed) return false
  if (simulated === undefined || ifTagged === undefined) return isAllowedElsewhere
  return simulated.decision !== 'allowed' && ifTagged.decision === 'allowed'
}

function reasonIn(evidence: Evidence, { decision, policies, limit }: Simulated): string {
  const who = named(evidence)
  if (decision === 'explicitDeny') return `a Deny in ${policies.join(', ') || 'a policy'} of ${who}`
  if (limit === 'permissions boundary')
    return `the permissions boundary of ${who} does not allow it${evidence.source?.boundary === undefined ? '' : ` (${evidence.source.boundary})`}`
  if (limit === 'organization') return `a service control policy above ${who} does not allow it`
  return `no policy of ${who} allows it`
}

function remediesFor(
  { source, partition }: Evidence,
  action: string,
  { decision, policies, limit }: Simulated,
): readonly [string, ...string[]] {
  if (decision === 'explicitDeny')
    return [
      `take ${action} out of the Deny in ${policies.join(', ') || 'the policy'}: no other statement can allow it`,
    ]
  if (limit === 'permissions boundary')
    return [
      `add to the permissions boundary${source?.boundary === undefined ? '' : ` ${source.boundary}`}: ${allowing(action, partition)}`,
    ]
  if (limit === 'organization') return [`have the service control policy allow ${action}`]
  return [`add to the policy of ${source?.named ?? 'the caller'}: ${allowing(action, partition)}`]
}

function weighed(
  { without }: Need,
  seen: string,
  remedies: readonly [string, ...string[]],
): Finding {
  return without === undefined
    ? fail(seen, ...remedies)
    : warn(`${seen}; without it ${without}`, ...remedies)
}

function decoding(encoded: string | undefined): string[] {
  return encoded === undefined
    ? []
    : [`aws sts decode-authorization-message --encoded-message ${encoded}`]
}

function named({ source }: Evidence): string {
  return source?.named ?? 'the caller'
}
