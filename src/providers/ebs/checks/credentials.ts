import type { Check, Finding } from '../../../libstorage/check.ts'
import type { EbsSettings } from '../config.ts'
import type { Examined, FoundCredentials } from './examined.ts'
import { codeOf, fail, pass, saidBy, warn } from './findings.ts'

/** Where the SDK says that it found credentials (AWS SDKs, "user agent features"), the one who gave them last first. */
const SOURCES: readonly (readonly [mark: string, source: string])[] = [
  ['CREDENTIALS_STS_ASSUME_ROLE', 'a role that was assumed (sts:AssumeRole)'],
  ['CREDENTIALS_STS_ASSUME_ROLE_WEB_ID', 'a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)'],
  ['CREDENTIALS_HTTP', 'the endpoint of the container (AWS_CONTAINER_CREDENTIALS_*)'],
  ['CREDENTIALS_ENV_VARS', 'the environment (AWS_ACCESS_KEY_ID)'],
  ['CREDENTIALS_SSO', 'a session of IAM Identity Center'],
  ['CREDENTIALS_SSO_LEGACY', 'a session of IAM Identity Center'],
  ['CREDENTIALS_PROCESS', 'a process that the shared files name'],
  ['CREDENTIALS_PROFILE', 'the shared files of AWS'],
]
/** Temporary keys begin so, and are nothing without their token (IAM User Guide, "Unique identifiers"). */
const TEMPORARY = 'ASIA'
const SOON_MS = 900_000

/** Which credentials count, who gave them, and when they end. */
export function credentialsCheck(examined: Examined): Check {
  return {
    id: 'ebs.credentials',
    title: 'credentials',
    after: ['ebs.metadata', 'ebs.identity'],
    async run() {
      const half = halfConfigured(examined)
      try {
        const found = await examined.credentials()
        const noted = half.map((one) => warn(one.seen, one.remedy ?? ''))
        return [...spaced(examined), ...noted, judged(examined, found)]
      } catch (error) {
        return half.length > 0 ? half : [await absent(examined, error)]
      }
    },
  }
}

/** Whom they belong to. What cannot be asked of STS, EC2 tells. */
export function callerCheck(examined: Examined): Check {
  return {
    id: 'ebs.caller',
    title: 'who the credentials belong to',
    after: ['ebs.metadata', 'ebs.identity', 'ebs.credentials'],
    async run() {
      try {
        const { arn, account } = await examined.caller()
        return [pass(`the credentials belong to ${arn} of account ${account}`)]
      } catch (error) {
        return [unaccepted(await examined.credentials(), error)]
      }
    },
  }
}

function halfConfigured({ settings }: Examined): Finding[] {
  const { accessKey, secretKey } = settings
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    const [set, unset] =
      accessKey === undefined ? ['secretKey', 'accessKey'] : ['accessKey', 'secretKey']
    return [
      fail(
        `ebs.${set} is set without ebs.${unset}, with which the service does not start`,
        `set ebs.${unset}, or leave both out`,
      ),
    ]
  }
  return []
}

/** What was copied with more than the key. */
function spaced({ settings }: Examined): Finding[] {
  const { accessKey, secretKey, sessionToken } = settings
  return Object.entries({ accessKey, secretKey, sessionToken })
    .filter(([, value]) => value !== undefined && /\s/.test(value))
    .map(([key]) =>
      fail(`ebs.${key} has white space in it`, `set ebs.${key} without it, in quotes`),
    )
}

function judged({ settings }: Examined, found: FoundCredentials): Finding {
  const { accessKeyId, sessionToken, expiration } = found
  const from = sourceOf(found, settings)
  const seen = `access key ${accessKeyId} from ${from}`
  if (accessKeyId.startsWith(TEMPORARY) && sessionToken === undefined)
    return fail(
      `${seen} is a temporary one, and its session token is missing`,
      'set ebs.sessionToken (or AWS_SESSION_TOKEN) beside it',
    )
  if (expiration === undefined)
    return sessionToken === undefined || from.startsWith('the role')
      ? pass(seen)
      : warn(
          `${seen} is a temporary one that ends without being renewed`,
          'use the role of the instance instead',
        )
  const leftMs = expiration.getTime() - Date.now()
  const until = expiration.toISOString()
  if (leftMs <= 0)
    return fail(`${seen} has expired at ${until}`, 'get new ones from where these come from')
  if (leftMs < SOON_MS && !/role|container/.test(from))
    return warn(`${seen} ends at ${until}`, 'get new ones from where these come from')
  return pass(`${seen}, valid until ${until}`)
}

function sourceOf({ accessKeyId, $source = {} }: FoundCredentials, settings: EbsSettings): string {
  const { accessKey, profile, roleARN } = settings
  if (roleARN !== undefined) return `role ${roleARN} (ebs.roleARN)`
  const named = SOURCES.find(([mark]) => mark in $source)?.[1]
  if (named === undefined && accessKey === accessKeyId) return 'ebs.accessKey'
  if (named?.startsWith('the shared') && profile !== undefined)
    return `${named} (profile ${profile})`
  // Those of the metadata service are the only ones that the SDK does not mark.
  return named ?? 'the role of this instance'
}

/** There are none: it may be that the instance has no role. */
async function absent(examined: Examined, error: unknown): Promise<Finding> {
  const { settings, own } = examined
  const said = saidBy(error)
  if (settings.profile !== undefined)
    return fail(
      `profile ${settings.profile} gives no credentials: ${said}`,
      'correct ebs.profile, or the shared files ~/.aws/config and ~/.aws/credentials of the user that runs this',
    )
  if (settings.roleARN !== undefined)
    return fail(
      `role ${settings.roleARN} cannot be assumed: ${said}`,
      'have the trust policy of the role name the caller, and the policy of the caller allow sts:AssumeRole on it',
    )
  const { instanceId } = await own()
  const info = await examined.told('/latest/meta-data/iam/info')
  const profile = /instance-profile\/([^"]+)/.exec(info ?? '')?.[1]
  const where = 'neither ebs.accessKey nor the environment nor the shared files have any'
  return profile === undefined
    ? fail(
        `there are no credentials: ${where}, and this instance has no role`,
        `aws ec2 associate-iam-instance-profile --instance-id ${instanceId} --iam-instance-profile Name=<profile>`,
        'or set ebs.accessKey and ebs.secretKey',
      )
    : fail(
        `there are no credentials: ${where}, and instance profile ${profile} gives none: ${said}`,
        `aws iam get-instance-profile --instance-profile-name ${profile.split('/').at(-1)}`,
        'put its role back, and let it be assumed by ec2.amazonaws.com',
      )
}

const UNKNOWN_KEY = new Set(['InvalidClientTokenId', 'UnrecognizedClientException', 'AuthFailure'])
const EXPIRED = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'])

function unaccepted({ accessKeyId, sessionToken }: FoundCredentials, error: unknown): Finding {
  const code = codeOf(error)
  const said = saidBy(error)
  if (UNKNOWN_KEY.has(code))
    return fail(
      sessionToken === undefined
        ? `access key ${accessKeyId} is unknown to AWS, or inactive (${said})`
        : `access key ${accessKeyId} and its session token do not belong together, or are unknown to AWS (${said})`,
      'set ebs.accessKey and ebs.secretKey to a key that is active, or leave them out for the role of the instance',
    )
  if (code === 'SignatureDoesNotMatch')
    return fail(
      `the secret key does not belong to access key ${accessKeyId} (${said})`,
      'set ebs.secretKey to the secret of ebs.accessKey, in quotes, with all its characters',
    )
  if (EXPIRED.has(code))
    return fail(
      `the session token of access key ${accessKeyId} has expired (${said})`,
      'get a new one, or leave ebs.accessKey out for the role of the instance',
    )
  return warn(
    `who the credentials belong to cannot be asked: ${said}`,
    'have STS reached from here (VPC endpoint of sts); volumes do not need it',
  )
}
