import { ApiError } from '../ec2/api-error.ts'
import type { AccessKey, IamAccount, KmsKey } from './account.ts'
import type { Asked } from './policy.ts'

/** What policies may ask of a key. */
function contextOf({ aliases = [] }: KmsKey): Asked['context'] {
  return new Map(aliases.length === 0 ? [] : [['kms:resourcealiases', aliases]])
}

/** What KMS says of a key, as far as the caller may ask. */
export function describeKey(
  account: IamAccount,
  { principal }: AccessKey,
  { KeyId = '' }: { readonly KeyId?: string },
): object {
  const key = account.kmsKeys.get(KeyId)
  if (key === undefined) throw new ApiError('NotFoundException', `Key '${KeyId}' does not exist`)
  const { arn: Arn, state: KeyState } = key
  const asked = { action: 'kms:DescribeKey', resource: Arn, context: contextOf(key) }
  if (account.judge(principal, asked).decision !== 'allowed')
    throw new ApiError(
      'AccessDeniedException',
      `User: ${account.callerArn(principal)} is not authorized to perform: kms:DescribeKey on resource: ${Arn}`,
    )
  const id = Arn.split('/').at(-1)
  return { KeyMetadata: { KeyId: id, Arn, KeyState, Enabled: KeyState === 'Enabled' } }
}
