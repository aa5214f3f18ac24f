import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { InvalidArgumentError, PermissionDeniedError } from '../../../src/libstorage/errors.ts'
import type { EbsSettings } from '../../../src/providers/ebs/config.ts'
import { changeInstance, clinicForEach } from '../../support/ebs-broken.ts'
import { PRINTED, policy } from '../../support/ebs-clinic.ts'
import { ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'
import type { Principal } from '../../support/iam/account.ts'

const KEY = 'AKIAEXAMPLE000000009'
/** What people copy: the characters that have to be kept as they are. */
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY'
const ROLE: Principal = { kind: 'role', name: 'volumes', path: '/', policies: [PRINTED] }

const { current } = clinicForEach()
// Whoever asks with another key than the one that a test gives out is unknown.
beforeEach(() => {
  current().account.keys.clear()
  vi.stubEnv('AWS_ENDPOINT_URL_STS', current().iam.endpoint)
})

const user = (policies = [PRINTED], rest = {}) => {
  const principal = { kind: 'user', name: 'someone', path: '/', policies } as const
  current().account.add(KEY, principal, { secret: SECRET, ...rest })
}
const addRole = () => {
  current().account.principals.set(ROLE.name, ROLE)
  return current().account.arnOf(ROLE)
}
const driver = async (settings: Partial<Record<keyof EbsSettings, unknown>> = {}) => {
  const { world, machine } = current()
  const none = { accessKey: undefined, secretKey: undefined }
  return (await world.provider(machine, { ...none, ...settings })).driver
}
/** A file of AWS's tools, which an environment variable names. */
const file = (variable: string, ...lines: readonly string[]) => {
  const name = path.join(current().simulator.folder, variable)
  writeFileSync(name, lines.join('\n'))
  vi.stubEnv(variable, name)
  return name
}
const profileLines = (id = KEY, secret = SECRET) => [
  `aws_access_key_id = ${id}`,
  `aws_secret_access_key = ${secret}`,
]
/** Makes a volume, which whoever is not known or not allowed cannot. */
const works = async (settings = {}) => {
  const made = await (await driver(settings)).createVolume(ebsSpec('data'))
  expect(
    current()
      .simulator.named('data')
      .map(({ id }) => id),
  ).toEqual([made.id])
}

describe('credentials of EC2 are', () => {
  test('the configured key, whatever the environment has', async () => {
    user()
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIANOBODY')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'none')
    await works({ accessKey: KEY, secretKey: SECRET })
  })

  test('the configured temporary key with its token', async () => {
    user([PRINTED], { token: 'IQoJ' })
    await works({ accessKey: KEY, secretKey: SECRET, sessionToken: 'IQoJ' })
  })

  test('the key of the environment, with its token', async () => {
    user([PRINTED], { token: 'IQoJ' })
    vi.stubEnv('AWS_ACCESS_KEY_ID', KEY)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET)
    vi.stubEnv('AWS_SESSION_TOKEN', 'IQoJ')
    await works()
  })

  test('those of the shared file', async () => {
    user()
    file('AWS_SHARED_CREDENTIALS_FILE', '[default]', ...profileLines())
    await works()
  })

  test('those of the profile that is configured, and of no other', async () => {
    user()
    const others = ['[default]', ...profileLines('AKIANOBODY', 'none')]
    file('AWS_SHARED_CREDENTIALS_FILE', ...others, '[volumes]', ...profileLines())
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIANOBODY')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'none')
    await works({ profile: 'volumes' })
  })

  test('those of the profile that the environment names', async () => {
    user()
    file('AWS_SHARED_CREDENTIALS_FILE', '[volumes]', ...profileLines())
    vi.stubEnv('AWS_PROFILE', 'volumes')
    await works()
  })

  test('a role that a profile says is to be assumed', async () => {
    const arn = addRole()
    user([policy('assume', { Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: arn })])
    file('AWS_SHARED_CREDENTIALS_FILE', '[base]', ...profileLines())
    file('AWS_CONFIG_FILE', '[profile volumes]', `role_arn = ${arn}`, 'source_profile = base')
    await works({ profile: 'volumes' })
    expect(current().iam.calls).toEqual(['AssumeRole'])
  })

  test('a web identity’s, whose token lies in a file', async () => {
    const arn = addRole()
    current().account.webIdentities.set('eyJhbGciOi', ROLE.name)
    file('AWS_WEB_IDENTITY_TOKEN_FILE', 'eyJhbGciOi')
    vi.stubEnv('AWS_ROLE_ARN', arn)
    await works()
    expect(current().iam.calls).toEqual(['AssumeRoleWithWebIdentity'])
  })

  test('the role that is configured, assumed by the key that is', async () => {
    const roleARN = addRole()
    user([policy('assume', { Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: roleARN })])
    await works({ accessKey: KEY, secretKey: SECRET, roleARN })
    expect(current().iam.calls).toEqual(['AssumeRole'])
  })

  test('those of the instance’s role, by version 2 of its metadata service', async () => {
    giveRole()
    await works()
    expect(current().machine.metadata.requests).toContain(
      'GET /latest/meta-data/iam/security-credentials/volumes',
    )
  })
})

/** Lets the metadata service give out a new key of the role. */
function giveRole(): void {
  const { account, machine } = current()
  addRole()
  changeInstance(current(), { profile: 'fleet' })
  const { id, secret, token, expiresAt = new Date() } = account.session(ROLE)
  const accessKeyId = id
  machine.metadata.credentials = { role: ROLE.name, accessKeyId, secret, token, expiresAt }
}

describe('a key of which half is configured', () => {
  test.each([
    ['secretKey', { accessKey: KEY }],
    ['accessKey', { secretKey: SECRET }],
  ])(
    'is refused where ebs.%s is missing, whatever other credentials there are',
    async (missing, half) => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAOTHERACCOUNT')
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET)
      const refused = driver(half)
      await expect(refused).rejects.toThrow(InvalidArgumentError)
      await expect(refused).rejects.toThrow(`without ebs.${missing}, set `)
      await expect(refused).rejects.not.toThrow(SECRET)
    },
  )
})

describe('credentials that end', () => {
  test('are followed by those that the role of the instance then has', async () => {
    // Renewed from five minutes before their end on.
    current().account.sessionMs = 60_000
    giveRole()
    const ebs = await driver()
    await ebs.createVolume(ebsSpec('data'))
    current().account.keys.clear()
    giveRole()
    // They are renewed beside the requests.
    await eventually(async () => expect(await ebs.volumes()).toHaveLength(1))
  })

  test('are followed by those that are in the shared file then, for all who ask at that moment', async () => {
    const sharedFile = (id: string) => {
      const session = 'aws_session_token = IQoJ'
      current().account.keys.clear()
      const principal = { kind: 'user', name: 'someone', path: '/', policies: [PRINTED] } as const
      current().account.add(id, principal, { secret: SECRET, token: 'IQoJ' })
      file('AWS_SHARED_CREDENTIALS_FILE', '[default]', ...profileLines(id), session)
    }
    sharedFile('ASIAEXAMPLE000000001')
    const ebs = await driver()
    await ebs.createVolume(ebsSpec('data'))
    sharedFile('ASIAEXAMPLE000000002')
    const seen = await Promise.all([ebs.volumes(), ebs.volumes({ name: 'data' })])
    expect(seen).toMatchObject([[{ name: 'data' }], [{ name: 'data' }]])
  })

  test('are asked for anew once in a while, and not with every call that is refused', async () => {
    user()
    file('AWS_SHARED_CREDENTIALS_FILE', '[default]', ...profileLines())
    const ebs = await driver({ maxRetries: 0 })
    await ebs.volumes()
    current().account.keys.clear()
    current().simulator.takeCounts()
    for (let calls = 0; calls < 3; calls += 1)
      await expect(ebs.volumes()).rejects.toThrow(PermissionDeniedError)
    expect(current().simulator.takeCounts()).toEqual({ DescribeVolumes: 4 })
  })

  test('are followed by another session of the role that is assumed', async () => {
    current().account.sessionMs = 60_000
    const roleARN = addRole()
    user([policy('assume', { Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: roleARN })])
    const ebs = await driver({ accessKey: KEY, secretKey: SECRET, roleARN })
    await ebs.createVolume(ebsSpec('data'))
    for (const id of current().account.keys.keys())
      if (id !== KEY) current().account.keys.delete(id)
    expect(await ebs.volumes()).toHaveLength(1)
  })
})

describe('who has no credentials', () => {
  test('is served once there is a shared file', async () => {
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(current().simulator.folder, 'later'))
    const ebs = await driver()
    await expect(ebs.volumes()).rejects.toThrow(PermissionDeniedError)
    user()
    writeFileSync(
      path.join(current().simulator.folder, 'later'),
      ['[default]', ...profileLines()].join('\n'),
    )
    expect(await ebs.volumes()).toEqual([])
  })

  test('is told so, and asks EC2 nothing', async () => {
    const refused = (await driver()).volumes()
    await expect(refused).rejects.toThrow(PermissionDeniedError)
    await expect(refused).rejects.toThrow(
      /correct the access key, the profile or the instance role$/,
    )
    expect(current().simulator.calls).toEqual([])
  })

  test('is told what profile lacks them', async () => {
    const refused = (await driver({ profile: 'nobody' })).volumes()
    await expect(refused).rejects.toThrow(PermissionDeniedError)
    await expect(refused).rejects.toThrow('nobody')
  })

  test('is told of the role that may not be assumed', async () => {
    const roleARN = addRole()
    user()
    const refused = (await driver({ accessKey: KEY, secretKey: SECRET, roleARN })).volumes()
    await expect(refused).rejects.toThrow(PermissionDeniedError)
    await expect(refused).rejects.toThrow(/sts:AssumeRole/)
  })

  test('is told of a web identity that is not believed', async () => {
    file('AWS_WEB_IDENTITY_TOKEN_FILE', 'eyJhbGciOi')
    vi.stubEnv('AWS_ROLE_ARN', addRole())
    const refused = (await driver()).volumes()
    await expect(refused).rejects.toThrow(PermissionDeniedError)
    await expect(refused).rejects.toThrow('web identity token could not be validated')
  })
})
