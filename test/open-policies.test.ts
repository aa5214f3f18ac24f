import { expect, test } from 'vitest'
import { openPolicies } from '../src/open-policies.ts'
import { providers } from '../src/providers/index.ts'

/** Where nobody answers, and at once. */
const NOBODY = 'http://127.0.0.1:1'
const policiesFor = (env: Record<string, string>) =>
  openPolicies(
    {
      flags: {},
      env: { REXRAY_HOME: '/nowhere', ...env },
      uid: 0,
      homeDirectory: '/',
      drivers: providers,
    },
    providers,
  )

test('a service of EBS has its policies, also where nothing can be asked yet', async () => {
  const EBS = { EBS_ENDPOINT: NOBODY, EBS_METADATAENDPOINT: NOBODY, EBS_REGION: 'us-gov-west-1' }
  const found = await policiesFor({ LIBSTORAGE_SERVICE: 'ebs', ...EBS })
  expect(found).toMatchObject([{ service: 'ebs', driver: 'ebs', fits: 'untagged' }])
  expect(JSON.stringify(found[0]?.policies)).toContain('arn:aws-us-gov:ec2:*:*:volume/*')
})

test('other machines may be stopped where that is how volumes are taken from them', async () => {
  const EBS = { EBS_ENDPOINT: NOBODY, EBS_METADATAENDPOINT: NOBODY, EBS_REGION: 'us-east-1' }
  const textFor = async (preempt: string) =>
    JSON.stringify(
      await policiesFor({ LIBSTORAGE_SERVICE: 'ebs', REXRAY_PREEMPT: preempt, ...EBS }),
    )
  expect(await textFor('fence')).toContain('"ec2:StopInstances"')
  expect(await textFor('true')).not.toContain('ec2:StopInstances')
})

test('a driver without a platform has none', async () => {
  expect(await policiesFor({ LIBSTORAGE_SERVICE: 'vfs' })).toEqual([])
})

test('a service that is configured wrongly has none, and says so', async () => {
  const wrong = { LIBSTORAGE_SERVICE: 'ebs', EBS_MAXRETRIES: 'many' }
  await expect(policiesFor(wrong)).rejects.toThrow(
    'service ebs has no settings, because its configuration is wrong, remora config check',
  )
})
