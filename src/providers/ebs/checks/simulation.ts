import {
  type ContextEntry,
  type EvaluationResult,
  GetInstanceProfileCommand,
  GetRoleCommand,
  type IAMClient,
  SimulatePrincipalPolicyCommand,
} from '@aws-sdk/client-iam'
import type { Examined } from './examined.ts'
import { codeOf, saidBy } from './findings.ts'

/** What IAM says of one action on one resource, as far as the policies of the caller go. */
export interface Simulated {
  readonly decision: 'allowed' | 'explicitDeny' | 'implicitDeny'
  /** The policies that said so. */
  readonly policies: readonly string[]
  /** What limits the caller and does not allow it. */
  readonly limit?: 'permissions boundary' | 'organization' | undefined
}

/** What IAM is asked. */
export interface Question {
  readonly actions: readonly string[]
  readonly resource: string
  readonly context: Readonly<Record<string, string | readonly string[]>>
}

/** The user or role whose policies count. */
export interface PolicySource {
  readonly arn: string
  /** As sentences name it: `role node`. */
  readonly named: string
  /** The policy that limits it, where it was found out. */
  readonly boundary?: string | undefined
}

/** Asks IAM what the policies of the caller say. */
export class Simulation {
  readonly source: PolicySource
  readonly #examined: Examined
  readonly #iam: IAMClient

  private constructor(examined: Examined, iam: IAMClient, source: PolicySource) {
    this.#examined = examined
    this.#iam = iam
    this.source = source
  }

  /** Rejects where the caller is nobody whose policies can be simulated. */
  static async of(examined: Examined): Promise<Simulation> {
    const iam = await examined.iam()
    const { arn } = await examined.caller()
    return new Simulation(examined, iam, await sourceOf(examined, iam, arn))
  }

  /** What the policies say of each action. Rejects with IAM's own error, often that the caller may not ask. */
  async ask({ actions, resource, context }: Question): Promise<ReadonlyMap<string, Simulated>> {
    const request = new SimulatePrincipalPolicyCommand({
      PolicySourceArn: this.source.arn,
      ActionNames: [...actions],
      ResourceArns: [resource],
      ContextEntries: Object.entries(context).map(entry),
    })
    const { EvaluationResults = [] } = await this.#examined.within('IAM', (abortSignal) =>
      this.#iam.send(request, { abortSignal }),
    )
    return new Map(EvaluationResults.map((one) => [one.EvalActionName ?? '', simulated(one)]))
  }
}

function entry([ContextKeyName, values]: [string, string | readonly string[]]): ContextEntry {
  return typeof values === 'string'
    ? { ContextKeyName, ContextKeyValues: [values], ContextKeyType: 'string' }
    : { ContextKeyName, ContextKeyValues: [...values], ContextKeyType: 'stringList' }
}

function simulated(result: EvaluationResult): Simulated {
  const { EvalDecision, MatchedStatements = [] } = result
  const policies = [
    ...new Set(MatchedStatements.flatMap(({ SourcePolicyId }) => SourcePolicyId ?? [])),
  ]
  const decision =
    EvalDecision === 'allowed' || EvalDecision === 'explicitDeny' ? EvalDecision : 'implicitDeny'
  const { PermissionsBoundaryDecisionDetail: boundary, OrganizationsDecisionDetail: organization } =
    result
  if (boundary?.AllowedByPermissionsBoundary === false)
    return { decision, policies, limit: 'permissions boundary' }
  if (organization?.AllowedByOrganizations === false)
    return { decision, policies, limit: 'organization' }
  return { decision, policies }
}

/** A session of a role stands for that role, whose path its ARN does not show (IAM User Guide, "IAM identifiers"). */
async function sourceOf(examined: Examined, iam: IAMClient, arn: string): Promise<PolicySource> {
  const [, partition = 'aws', account = '', kind, name = ''] =
    /^arn:([^:]+):(?:sts|iam)::(\d+):([^/]+)(?:\/([^/]+))?/.exec(arn) ?? []
  if (kind === 'user') return { arn, named: `user ${arn.split('/').at(-1)}` }
  if (kind !== 'assumed-role') throw new Error(`${arn} is neither a user nor a role`)
  const named = `role ${name}`
  const role =
    (await roleByName(examined, iam, name)) ?? (await roleOfInstance(examined, iam, name))
  if (role?.Arn === undefined)
    return { arn: `arn:${partition}:iam::${account}:role/${name}`, named }
  return { arn: role.Arn, named, boundary: role.PermissionsBoundary?.PermissionsBoundaryArn }
}

async function roleByName(examined: Examined, iam: IAMClient, RoleName: string) {
  const asked = examined.within('IAM', (abortSignal) =>
    iam.send(new GetRoleCommand({ RoleName }), { abortSignal }),
  )
  return await allowedOr(asked.then(({ Role }) => Role))
}

/** The role behind the profile of this instance, where that is the caller's. */
async function roleOfInstance(examined: Examined, iam: IAMClient, name: string) {
  const info = await examined.told('/latest/meta-data/iam/info')
  const profile = /instance-profile\/(?:[^"]*\/)?([^"/]+)"/.exec(info ?? '')?.[1]
  if (profile === undefined) return undefined
  const asked = examined.within('IAM', (abortSignal) =>
    iam.send(new GetInstanceProfileCommand({ InstanceProfileName: profile }), { abortSignal }),
  )
  const roles = await allowedOr(asked.then(({ InstanceProfile }) => InstanceProfile?.Roles ?? []))
  return roles?.find(({ RoleName }) => RoleName === name)
}

/** What may not be asked, or is not there, is not known. */
async function allowedOr<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (
      ['AccessDenied', 'AccessDeniedException', 'NoSuchEntity', 'NoSuchEntityException'].includes(
        codeOf(error),
      )
    )
      return undefined
    throw error
  }
}

/** Why nothing could be simulated, as a clause. */
export function whyNotSimulated(error: unknown): string {
  return /^AccessDenied/.test(codeOf(error))
    ? 'the caller may not ask iam:SimulatePrincipalPolicy'
    : `IAM said nothing: ${saidBy(error)}`
}
