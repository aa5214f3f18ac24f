import { GetEbsDefaultKmsKeyIdCommand, GetEbsEncryptionByDefaultCommand } from '@aws-sdk/client-ec2'
import type { Check, Finding } from '../../../libstorage/check.ts'
import { partitionOf } from '../partition.ts'
import type { Examined } from './examined.ts'
import { codeOf, fail, pass, saidBy, skip, warn } from './findings.ts'
import { keyContext, keyStatements, type UsedKey } from './key-statements.ts'
import { describeKey, type KeyAnswer } from './kms.ts'
import { type Simulated, Simulation } from './simulation.ts'

/** The key of AWS's own, which any caller may use by way of EBS. */
const OWN_KEY = /(^|:)alias\/aws\/ebs$/
/** What EBS does with a key for the caller (Amazon EBS User Guide, "Required permissions for IAM users"). */
const USES = ['kms:CreateGrant', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt']
const FORM =
  /^(arn:[^:]+:kms:(?<region>[^:]+):\d+:(key|alias)\/.+|alias\/.+|(mrk-)?[0-9a-f-]{32,36})$/
const GHOST = 'EC2 accepts a volume with it and then gives it up'

/** A key that volumes are encrypted with, and where it is named. */
interface NamedKey {
  readonly id: string
  readonly from: string
}

/** The key of KMS that volumes are encrypted with: EC2 finds out whether it can be used only after it has accepted a volume. */
export function keysCheck(examined: Examined): Check {
  return {
    id: 'ebs.keys',
    title: 'the key of encrypted volumes',
    after: ['ebs.metadata', 'ebs.identity', 'ebs.endpoint', 'ebs.credentials', 'ebs.caller'],
    async run(signal) {
      const found = await keyOf(examined)
      if ('verdict' in found) return [found]
      const { region } = await examined.own()
      return wrongForm(found, region) ?? (await usable(examined, found, signal))
    },
  }
}

/** The key that new volumes get where none is named, or why there is nothing to look at. */
export async function keyOf(examined: Examined): Promise<NamedKey | Finding> {
  const { kmsKeyID } = examined.settings
  if (kmsKeyID !== undefined) return { id: kmsKeyID, from: 'ebs.kmsKeyID' }
  try {
    const [{ EbsEncryptionByDefault: isOn }, { KmsKeyId: id = '' }] = await Promise.all([
      examined.send(new GetEbsEncryptionByDefaultCommand({})),
      examined.send(new GetEbsDefaultKmsKeyIdCommand({})),
    ])
    if (isOn !== true)
      return pass('no key is configured, and the account does not encrypt by itself')
    if (OWN_KEY.test(id)) return pass("the account encrypts volumes with AWS's own key")
    return { id, from: 'the default of the account' }
  } catch (error) {
    const action = 'ec2:GetEbsEncryptionByDefault'
    return codeOf(error) === 'UnauthorizedOperation'
      ? skip(
          `no key is configured; whether the account encrypts by itself the caller may not ask (${action})`,
        )
      : skip(
          `no key is configured; whether the account encrypts by itself is not known: ${saidBy(error)}`,
        )
  }
}

function wrongForm({ id, from }: NamedKey, region: string): readonly Finding[] | undefined {
  const form = FORM.exec(id)
  if (form === null)
    return [
      fail(
        `${from} is ${id}, which is no key of KMS`,
        'use the id or the ARN of a key, or alias/<name>',
      ),
    ]
  const there = form.groups?.['region']
  if (there === undefined || there === region) return undefined
  return [
    fail(
      `${from} is a key of ${there}, but volumes here are in ${region}: ${GHOST}`,
      `use a key of ${region}`,
    ),
  ]
}

async function usable(
  examined: Examined,
  key: NamedKey,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const answer = await describeKey(examined, key.id, signal).catch((error: unknown) => ({
    code: '',
    said: saidBy(error),
  }))
  const { region } = await examined.own()
  const used = { id: key.id, region }
  const simulated = await simulatedUses(examined, used, 'arn' in answer ? answer.arn : undefined)
  const named = `key ${key.id} (${key.from})`
  if ('state' in answer && answer.state !== 'Enabled') return [inState(named, key.id, answer.state)]
  if ('code' in answer && answer.code === 'NotFoundException')
    return [
      fail(
        `${named} does not exist: ${GHOST}`,
        'correct it, or leave it out for the default of the account',
      ),
    ]
  const isDenied = 'code' in answer && answer.code === 'AccessDeniedException'
  const refused = [...simulated].filter(([, { decision }]) => decision !== 'allowed')
  if (refused.length > 0) return [refusedUse(named, used, refused, isDenied)]
  return [seenState(named, answer, simulated.size > 0)]
}

function inState(named: string, id: string, state: string): Finding {
  const way =
    state === 'PendingDeletion'
      ? `aws kms cancel-key-deletion --key-id ${id} && aws kms enable-key --key-id ${id}`
      : `aws kms enable-key --key-id ${id}`
  return fail(`${named} is in state ${state}: ${GHOST}`, way, 'or use another key')
}

function refusedUse(
  named: string,
  key: UsedKey,
  refused: readonly (readonly [string, Simulated])[],
  isDenied: boolean,
): Finding {
  const actions = refused.map(([action]) => action).join(', ')
  const statements = keyStatements(key).map((one) => JSON.stringify(one))
  const denying = refused.find(([, { decision }]) => decision === 'explicitDeny')?.[1]
  const limit = refused.find(([, { limit }]) => limit !== undefined)?.[1].limit
  if (denying !== undefined)
    return fail(
      `${named} is denied to the caller by ${denying.policies.join(', ')} (${actions}): ${GHOST}`,
      `take ${actions} out of that Deny`,
    )
  if (limit !== undefined)
    return fail(
      `${named} is not allowed by the ${limit} of the caller (${actions}): ${GHOST}`,
      `have it allow ${actions}`,
    )
  const ways = [
    `add to the policy of the caller: ${statements.join(', ')}`,
    'or have the policy of the key name the caller',
  ] as const
  return isDenied
    ? fail(
        `${named} is denied to the caller: KMS refuses it, and no policy allows ${actions}: ${GHOST}`,
        ...ways,
      )
    : warn(
        `no policy of the caller allows ${actions} on ${named}: unless the policy of the key does, ${GHOST}`,
        ...ways,
      )
}

function seenState(named: string, answer: KeyAnswer, isSimulated: boolean): Finding {
  if ('state' in answer) return pass(`${named} is enabled, and the caller may use it`)
  if (isSimulated)
    return pass(`the policies allow ${named}; its state is not known (${answer.said})`)
  return warn(
    `whether ${named} can be used is not known: ${answer.said}`,
    'allow the caller kms:DescribeKey on it, or look: aws kms describe-key',
  )
}

/** What the policies of the caller say about the uses of a key; nothing where IAM says nothing, or an alias hides which key it is. */
async function simulatedUses(
  examined: Examined,
  key: UsedKey,
  arn: string | undefined,
): Promise<ReadonlyMap<string, Simulated>> {
  const { id, region } = key
  if (arn === undefined && id.includes('alias/')) return new Map()
  try {
    const { account } = await examined.caller()
    const byId = `arn:${partitionOf(region)}:kms:${region}:${account}:key/${id}`
    const simulation = await Simulation.of(examined)
    return await simulation.ask({
      actions: USES,
      resource: arn ?? (id.startsWith('arn:') ? id : byId),
      context: keyContext(key),
    })
  } catch {
    return new Map()
  }
}
