import { ApiError } from '../ec2/api-error.ts'
import type { Form } from '../ec2/form.ts'
import type { Xml } from '../ec2/xml.ts'
import type { AccessKey, IamAccount, Principal } from './account.ts'
import { contextOf, type NamedPolicy } from './policy.ts'

type Answer = { readonly [name: string]: Xml }
type Action = (account: IamAccount, form: Form, caller: AccessKey) => Answer

/** What of STS there is. */
const STS: Readonly<Record<string, Action>> = {
  GetCallerIdentity: (account, _, { principal }) => ({
    Arn: account.callerArn(principal),
    UserId: principal.kind === 'user' ? 'AIDAEXAMPLE' : 'AROAEXAMPLE:session',
    Account: account.id,
  }),
  DecodeAuthorizationMessage(account, form, caller) {
    requireAllowed(account, caller, 'sts:DecodeAuthorizationMessage')
    const DecodedMessage = account.decoded(form.required('EncodedMessage'))
    if (DecodedMessage === undefined)
      throw new ApiError('InvalidAuthorizationMessageException', 'Message is not valid', 400)
    return { DecodedMessage }
  },
  AssumeRole(account, form, caller) {
    const role = assumed(account, form)
    requireAllowed(account, caller, 'sts:AssumeRole', form.required('RoleArn'))
    return sessionXml(account, role, form)
  },
}

/** What nobody signs: the token says who asks. */
export function assumeByToken(account: IamAccount, form: Form): Answer {
  const role = assumed(account, form)
  if (account.webIdentities.get(form.required('WebIdentityToken')) !== role.name)
    throw new ApiError('InvalidIdentityToken', 'The web identity token could not be validated.')
  return sessionXml(account, role, form)
}

function assumed(account: IamAccount, form: Form): Principal {
  const arn = form.required('RoleArn')
  const role = [...account.principals.values()].find((one) => account.arnOf(one) === arn)
  if (role?.kind === 'role') return role
  throw new ApiError('AccessDenied', `Not authorized to assume ${arn}`, 403)
}

function sessionXml(account: IamAccount, role: Principal, form: Form): Answer {
  const { id, secret, token, expiresAt = new Date(0) } = account.session(role)
  const Arn = account.callerArn(role, form.required('RoleSessionName'))
  return {
    Credentials: {
      AccessKeyId: id,
      SecretAccessKey: secret,
      SessionToken: token,
      Expiration: expiresAt,
    },
    AssumedRoleUser: { AssumedRoleId: 'AROAEXAMPLE:session', Arn },
  }
}

/** What of IAM there is. */
const IAM: Readonly<Record<string, Action>> = {
  GetRole: (account, form) => ({
    Role: roleXml(account, principalOf(account, form.required('RoleName'))),
  }),
  GetInstanceProfile(account, form) {
    const name = form.required('InstanceProfileName')
    const role = account.profiles.get(name)
    if (role === undefined) throw noSuchEntity(`Instance Profile ${name} cannot be found.`)
    return {
      InstanceProfile: {
        InstanceProfileName: name,
        InstanceProfileId: 'AIPAEXAMPLE',
        Arn: `arn:aws:iam::${account.id}:instance-profile/${name}`,
        Path: '/',
        Roles: role === '' ? [] : [roleXml(account, principalOf(account, role))],
        CreateDate: new Date(0),
      },
    }
  },
  SimulatePrincipalPolicy(account, form) {
    const principal = simulated(account, form.required('PolicySourceArn'))
    const resources = form.texts('ResourceArns.member')
    const context = contextIn(form)
    return {
      EvaluationResults: form
        .texts('ActionNames.member')
        .flatMap((action) =>
          (resources.length === 0 ? ['*'] : resources).map((resource) =>
            resultXml(account, principal, { action, resource, context }),
          ),
        ),
      IsTruncated: false,
    }
  },
}

/** What a request to STS or IAM comes to; what IAM is asked for needs a policy of its own. */
export function performIam(
  service: 'sts' | 'iam',
  account: IamAccount,
  form: Form,
  caller: AccessKey,
): Answer {
  const name = form.text('Action') ?? ''
  const actions = service === 'sts' ? STS : IAM
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined)
    throw new ApiError('InvalidAction', `Could not find operation ${name}`, 400)
  if (service === 'iam') requireAllowed(account, caller, `iam:${name}`)
  return action(account, form, caller)
}

function requireAllowed(
  account: IamAccount,
  { principal }: AccessKey,
  action: string,
  resource = '*',
): void {
  const { decision } = account.judge(principal, { action, resource, context: new Map() })
  if (decision === 'allowed') return
  throw new ApiError(
    'AccessDenied',
    `User: ${account.callerArn(principal)} is not authorized to perform: ${action} because no identity-based policy allows the action`,
    403,
  )
}

function resultXml(
  account: IamAccount,
  principal: Principal,
  asked: Parameters<IamAccount['simulate']>[1],
): Answer {
  const { decision, matched } = account.simulate(principal, asked)
  const { boundary } = principal
  const within = boundary && account.simulate({ ...principal, policies: [boundary] }, asked)
  return {
    EvalActionName: asked.action,
    EvalResourceName: asked.resource,
    EvalDecision: decision,
    MatchedStatements: matched.map((name) => ({
      SourcePolicyId: name,
      SourcePolicyType: 'IAM Policy',
    })),
    MissingContextValues: [],
    PermissionsBoundaryDecisionDetail: within && {
      AllowedByPermissionsBoundary: within.decision === 'allowed',
    },
  }
}

function contextIn(form: Form): ReadonlyMap<string, readonly string[]> {
  const entries = form
    .forms('ContextEntries.member')
    .map((one) => [one.text('ContextKeyName') ?? '', one.texts('ContextKeyValues.member')] as const)
  return contextOf(Object.fromEntries(entries))
}

/** A role is simulated by its own ARN, path and all; that of a session is refused. */
function simulated(account: IamAccount, arn: string): Principal {
  const found = [...account.principals.values()].find((one) => account.arnOf(one) === arn)
  if (found !== undefined) return found
  if (!arn.startsWith(`arn:aws:iam::${account.id}:`))
    throw new ApiError(
      'InvalidInput',
      `Invalid Entity Arn: ${arn} does not clearly define entity type and name.`,
    )
  throw noSuchEntity(`The entity with name ${arn.split('/').at(-1)} cannot be found.`)
}

function principalOf(account: IamAccount, name: string): Principal {
  const found = account.principals.get(name)
  if (found?.kind !== 'role') throw noSuchEntity(`The role with name ${name} cannot be found.`)
  return found
}

function roleXml(account: IamAccount, role: Principal): Answer {
  const boundary = (given: NamedPolicy) => ({
    PermissionsBoundaryType: 'Policy',
    PermissionsBoundaryArn: `arn:aws:iam::${account.id}:policy/${given.name}`,
  })
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: 'AROAEXAMPLE',
    Arn: account.arnOf(role),
    CreateDate: new Date(0),
    PermissionsBoundary: role.boundary && boundary(role.boundary),
  }
}

function noSuchEntity(message: string): ApiError {
  return new ApiError('NoSuchEntity', message, 404)
}
