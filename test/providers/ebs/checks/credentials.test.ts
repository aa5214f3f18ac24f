import { describe, expect, test } from 'vitest'
import {
  type Broken,
  changeInstance,
  clinicForEach,
  testBroken,
} from '../../../support/ebs-broken.ts'
import {
  ACCESS_KEY,
  ASKING,
  FENCING,
  linesOf,
  PRINTED,
  SECRET_KEY,
} from '../../../support/ebs-clinic.ts'

const NONE = { accessKey: undefined, secretKey: undefined }

const BROKEN: readonly Broken[] = [
  {
    title: 'the access key does not exist',
    arrange: () => ({ accessKey: 'AKIANOBODY' }),
    says: /^ebs.caller: access key AKIANOBODY is unknown to AWS, or inactive/,
  },
  {
    title: 'the secret is that of another key',
    arrange: () => ({ secretKey: 'wJalrXUtnFEMI' }),
    says: /^ebs.caller: the secret key does not belong to access key AKIAEXAMPLE000000001/,
    remedy: /in quotes, with all its characters/,
  },
  {
    title: 'the secret has a space after it',
    arrange: () => ({ secretKey: `${SECRET_KEY} ` }),
    says: /^ebs.credentials: ebs.secretKey has white space in it/,
  },
  {
    title: 'the secret is missing, and there is nothing else',
    arrange: () => ({ secretKey: undefined }),
    says: /^ebs.credentials: ebs.accessKey is set without ebs.secretKey/,
  },
  {
    title: 'the session token is missing',
    arrange: () => ({ accessKey: 'ASIAEXAMPLE' }),
    says: /^ebs.credentials: access key ASIAEXAMPLE from ebs.accessKey is a temporary one, and its session token is missing/,
  },
  {
    title: 'the session token has expired',
    arrange: (clinic) => {
      const expiresAt = new Date(Date.now() - 1_000)
      clinic.allow([PRINTED, ASKING, FENCING], { token: 'IQoJ', expiresAt })
      return { sessionToken: 'IQoJ' }
    },
    says: /^ebs.caller: the session token of access key AKIAEXAMPLE000000001 has expired/,
  },
  {
    title: 'the session token is that of another key',
    arrange: (clinic) => {
      clinic.allow([PRINTED, ASKING, FENCING], { token: 'IQoJ' })
      return { sessionToken: 'other' }
    },
    says: /^ebs.caller: access key AKIAEXAMPLE000000001 and its session token do not belong together/,
  },
  {
    title: 'the profile does not exist',
    arrange: () => ({ ...NONE, profile: 'nobody' }),
    says: /^ebs.credentials: profile nobody gives no credentials/,
    remedy: /correct ebs.profile/,
  },
  {
    title: 'there are no credentials, and the instance has no role',
    arrange: () => NONE,
    says: /^ebs.credentials: there are no credentials: .* this instance has no role/,
    remedy: /aws ec2 associate-iam-instance-profile --instance-id i-/,
  },
  {
    title: 'the profile of the instance has lost its role',
    arrange: (clinic) => {
      changeInstance(clinic, { profile: 'fleet' })
      return NONE
    },
    says: /^ebs.credentials: there are no credentials: .* instance profile fleet gives none/,
    remedy: /aws iam get-instance-profile --instance-profile-name fleet/,
  },
  {
    title: 'the access key does not exist, and STS cannot be reached',
    arrange: ({ iam }) => {
      iam.faults.always('GetCallerIdentity', { kind: 'hang' })
      return { accessKey: 'AKIANOBODY' }
    },
    says: /^ebs.instance: EC2 does not accept the credentials \(AuthFailure/,
  },
  {
    title: 'the session token has expired, and STS cannot be reached',
    arrange: (clinic) => {
      clinic.iam.faults.always('GetCallerIdentity', { kind: 'hang' })
      const expiresAt = new Date(Date.now() - 1_000)
      clinic.allow([PRINTED, ASKING, FENCING], { token: 'IQoJ', expiresAt })
      return { sessionToken: 'IQoJ' }
    },
    says: /^ebs.instance: EC2 calls the request expired .* the session token has ended/,
  },
  {
    title: 'STS cannot be reached',
    arrange: ({ iam }) => {
      iam.faults.always('GetCallerIdentity', { kind: 'hang' })
      return undefined
    },
    says: /^ebs.caller: who the credentials belong to cannot be asked: STS did not answer within 1.5 s/,
    works: true,
  },
]

describe('where the credentials are wrong', () => {
  const { current } = clinicForEach()
  testBroken(BROKEN, current)
})

describe('credentials that are right', () => {
  const { current } = clinicForEach()

  test('are told with who gave them and until when, also those of the role of the instance', async () => {
    const clinic = current()
    const expiresAt = new Date(Date.now() + 3_600_000)
    clinic.allow([PRINTED, ASKING, FENCING], { token: 'IQoJ' })
    changeInstance(clinic, { profile: 'fleet' })
    clinic.account.profiles.set('fleet', 'node')
    clinic.machine.metadata.credentials = {
      role: 'node',
      accessKeyId: ACCESS_KEY,
      secret: SECRET_KEY,
      token: 'IQoJ',
      expiresAt,
    }
    const results = await clinic.examine(NONE)
    expect(linesOf(results, 'fail')).toEqual([])
    const passed = linesOf(results, 'pass')
    expect(passed).toContain(
      `ebs.credentials: access key ${ACCESS_KEY} from the role of this instance, valid until ${expiresAt.toISOString()}`,
    )
    expect(passed).toContain(
      'ebs.caller: the credentials belong to arn:aws:sts::123456789012:assumed-role/node/session of account 123456789012',
    )
  })

  test('show no secret in any line', async () => {
    const clinic = current()
    clinic.allow([PRINTED], { token: 'IQoJsecret' })
    const results = await clinic.examine({ sessionToken: 'IQoJsecret' })
    const all = JSON.stringify(results)
    expect(all).toContain(ACCESS_KEY)
    expect(all).not.toContain(SECRET_KEY)
    expect(all).not.toContain('IQoJsecret')
  })
})
