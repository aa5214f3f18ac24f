import type { IncomingMessage } from 'node:http'
import type { AccessKey, IamAccount, Judgement } from '../iam/account.ts'
import { type Asked, contextOf } from '../iam/policy.ts'
import { type SignatureFlaw, signer } from '../iam/signature.ts'
import { ApiError, notFound } from './api-error.ts'
import type { Form } from './form.ts'
import type { Region } from './region.ts'
import type { Tags } from './resources.ts'
import { sourceRegion } from './snapshot-actions.ts'

/** How EC2 says what is wrong with a signature (EC2 API Reference, "Common client error codes"). */
const FLAWS: Readonly<Record<SignatureFlaw, readonly [code: string, message: string]>> = {
  missing: ['MissingAuthenticationToken', 'Request is missing Authentication Token'],
  'unknown key': ['AuthFailure', 'AWS was not able to validate the provided access credentials'],
  'wrong secret': ['AuthFailure', 'AWS was not able to validate the provided access credentials'],
  'wrong token': ['AuthFailure', 'AWS was not able to validate the provided access token'],
  expired: ['RequestExpired', 'Request has expired.'],
  'wrong time': ['RequestExpired', 'Request has expired.'],
}

/** Whose key signed a request to EC2; throws its refusal. */
export function callerOf(
  region: Region,
  account: IamAccount,
  request: IncomingMessage,
  body: string,
): AccessKey {
  const found = signer(account, request, body, region.serviceTime())
  if (typeof found === 'object') return found
  const [code, message] = FLAWS[found]
  throw new ApiError(code, message, 401)
}

/** Throws EC2's refusal where the caller's policies, its boundary or its organization do not allow all of a request. */
export function authorize(region: Region, account: IamAccount, key: AccessKey, form: Form): void {
  for (const asked of askedBy(region, form)) {
    const judgement = account.judge(key.principal, asked)
    if (judgement.decision === 'allowed') continue
    const who = account.callerArn(key.principal)
    throw new ApiError(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. User: ${who} is not authorized to perform: ${asked.action} on resource: ${asked.resource} because ${because(judgement)}. Encoded authorization failure message: ${account.encode(judgement, asked)}`,
      403,
    )
  }
}

function because({ decision, by }: Judgement): string {
  const kinds = {
    policies: 'identity-based policy',
    boundary: 'permissions boundary',
    organization: 'service control policy',
  }
  return decision === 'explicitDeny'
    ? `of an explicit deny in a ${kinds[by]}`
    : `no ${kinds[by]} allows the action`
}

/** What a request needs to be allowed (Service Authorization Reference, "Actions defined by Amazon EC2"). */
function askedBy(region: Region, form: Form): Asked[] {
  const name = form.text('Action') ?? ''
  const action = `ec2:${name}`
  const volume = (id = form.text('VolumeId') ?? '') => existing(region, action, 'volume', id)
  const instance = (id: string) => existing(region, action, 'instance', id)
  const snapshot = (id: string) => existing(region, action, 'snapshot', id)
  const made = (type: 'volume' | 'snapshot') => newOne(region, form, type)
  switch (name) {
    case 'CreateVolume': {
      const from = form.text('SnapshotId')
      return [...made('volume'), ...(from === undefined ? [] : [snapshot(from)])]
    }
    case 'CopyVolumes':
      return [volume(form.text('SourceVolumeId')), ...made('volume')]
    case 'AttachVolume':
    case 'DetachVolume':
      return [volume(), instance(form.text('InstanceId') ?? '')]
    case 'ModifyVolume':
    case 'DeleteVolume':
      return [volume()]
    case 'CreateSnapshot':
      return [volume(), ...made('snapshot')]
    case 'CopySnapshot': {
      const from = sourceRegion(region, form)
      const source = existing(from, action, 'snapshot', form.text('SourceSnapshotId') ?? '')
      return [source, ...made('snapshot')]
    }
    case 'DeleteSnapshot':
      return [snapshot(form.text('SnapshotId') ?? '')]
    case 'StopInstances':
      return form.texts('InstanceId').map(instance)
    case 'CreateTags':
      return form.texts('ResourceId').map((id) => volume(id))
    default:
      return [{ action, resource: '*', context: new Map() }]
  }
}

function existing(
  region: Region,
  action: string,
  type: 'volume' | 'instance' | 'snapshot',
  id: string,
): Asked {
  const found = {
    volume: region.volumes.get(id),
    instance: region.instances.get(id),
    snapshot: region.snapshots.get(id),
  }[type]
  if (found === undefined) throw notFound(type, [id])
  const tags: Tags = 'tags' in found ? found.tags : {}
  const entries = Object.entries(tags).flatMap(([key, value]) => [
    [`aws:ResourceTag/${key}`, value],
    [`ec2:ResourceTag/${key}`, value],
  ])
  const resource = arn(region, type, id)
  return { action, resource, context: contextOf(Object.fromEntries(entries)) }
}

/** Something that is made, and where it gets tags that too. */
function newOne(region: Region, form: Form, type: 'volume' | 'snapshot'): Asked[] {
  const name = form.text('Action') ?? ''
  const tags = Object.entries(form.tagsFor(type))
  const entries = tags.map(([key, value]) => [`aws:RequestTag/${key}`, value] as const)
  const keys = tags.length === 0 ? {} : { 'aws:TagKeys': tags.map(([key]) => key) }
  const context = { ...Object.fromEntries(entries), ...keys }
  const resource = arn(region, type, '*')
  const making = { action: `ec2:${name}`, resource, context: contextOf(context) }
  if (tags.length === 0) return [making]
  const tagging = contextOf({ ...context, 'ec2:CreateAction': name })
  return [making, { action: 'ec2:CreateTags', resource, context: tagging }]
}

function arn({ name, accountId }: Region, type: string, id: string): string {
  return `arn:aws:ec2:${name}:${type === 'snapshot' ? '' : accountId}:${type}/${id}`
}
