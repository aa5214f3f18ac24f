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
  allow,
  deny,
  type EbsClinic,
  FENCING,
  linesOf,
  PRINTED,
  policy,
  SECRET_KEY,
} from '../../../support/ebs-clinic.ts'
import { ebsSpec } from '../../../support/ebs-world.ts'

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

const keyIn = (
  clinic: EbsClinic,
  state: 'Enabled' | 'Disabled' | 'PendingDeletion',
  ...more: readonly ReturnType<typeof allow>[]
) => {
  clinic.account.kmsKeys.set(KEY, { arn: KEY, state })
  clinic.allow([PRINTED, ASKING, FENCING, policy('keys', ...more)])
  return { kmsKeyID: KEY }
}

const attachSome = async ({ world, machine }: EbsClinic, names: readonly string[]) => {
  const { driver } = await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY })
  for (const name of names) {
    const { id } = await driver.createVolume(ebsSpec(name))
    await driver.attachVolume(id, machine.id)
  }
}

const BROKEN: readonly Broken[] = [
  {
    title: 'the key of KMS does not exist',
    arrange: () => ({ kmsKeyID: KEY }),
    says: /^ebs.keys: key arn:aws:kms\S+ \(ebs.kmsKeyID\) does not exist: EC2 accepts a volume with it and then gives it up/,
  },
  {
    title: 'the key of KMS is to be deleted',
    arrange: (clinic) => keyIn(clinic, 'PendingDeletion', allow('kms:*')),
    says: /^ebs.keys: key \S+ \(ebs.kmsKeyID\) is in state PendingDeletion/,
    remedy: /aws kms cancel-key-deletion/,
  },
  {
    title: 'the key of KMS is denied to the caller',
    arrange: (clinic) => keyIn(clinic, 'Enabled'),
    says: /^ebs.keys: key \S+ \(ebs.kmsKeyID\) is denied to the caller: KMS refuses it, and no policy allows kms:CreateGrant/,
    remedy: /"kms:GrantIsForAWSResource":"true"/,
  },
  {
    title: 'the key of KMS may be looked at and not used',
    arrange: (clinic) => keyIn(clinic, 'Enabled', allow('kms:DescribeKey', 'kms:Decrypt')),
    says: /^ebs.keys: no policy of the caller allows kms:CreateGrant, kms:GenerateDataKeyWithoutPlaintext on key/,
    works: true,
  },
  {
    title: 'the key of KMS is forbidden by a Deny',
    arrange: (clinic) => keyIn(clinic, 'Enabled', allow('kms:*'), deny('kms:CreateGrant')),
    says: /^ebs.keys: key \S+ \(ebs.kmsKeyID\) is denied to the caller by keys \(kms:CreateGrant\)/,
  },
  {
    title: 'the alias of a key of KMS may not be looked at',
    arrange: (clinic) => {
      clinic.account.kmsKeys.set('alias/db', { arn: KEY, state: 'Enabled' })
      return { kmsKeyID: 'alias/db' }
    },
    says: /^ebs.keys: whether key alias\/db \(ebs.kmsKeyID\) can be used is not known: .*kms:DescribeKey/,
    works: true,
  },
  {
    title: 'the key behind an alias may not be used',
    arrange: (clinic) => {
      clinic.account.kmsKeys.set('alias/db', { arn: KEY, state: 'Enabled' })
      const other = {
        Effect: 'Allow',
        Action: 'kms:*',
        Resource: KEY.replace('0aaaaaaa', '1aaaaaaa'),
      } as const
      clinic.allow([PRINTED, ASKING, policy('keys', allow('kms:DescribeKey'), other), FENCING])
      return { kmsKeyID: 'alias/db' }
    },
    says: /^ebs.keys: no policy of the caller allows kms:CreateGrant, .* on key alias\/db/,
    works: true,
  },
  {
    title: 'the key of KMS is one of another region',
    arrange: () => ({ kmsKeyID: KEY.replace('us-east-1', 'eu-west-1') }),
    says: /^ebs.keys: ebs.kmsKeyID is a key of eu-west-1, but volumes here are in us-east-1/,
  },
  {
    title: 'the key of KMS has no form of one',
    arrange: () => ({ kmsKeyID: 'my key' }),
    says: /^ebs.keys: ebs.kmsKeyID is my key, which is no key of KMS/,
  },
  {
    title: 'the account encrypts by itself with a key that is switched off',
    arrange: (clinic) => {
      clinic.simulator.region.defaultKey = KEY
      keyIn(clinic, 'Disabled', allow('kms:*'))
      return undefined
    },
    says: /^ebs.keys: key \S+ \(the default of the account\) is in state Disabled/,
    remedy: /aws kms enable-key/,
  },
  {
    title: 'the instance has all the volumes it can have',
    arrange: async (clinic) => {
      changeInstance(clinic, { type: 't3.nano' })
      await attachSome(clinic, ['a', 'b', 'c'])
      return undefined
    },
    says: /^ebs.attachments: i-\S+ \(t3.nano\) has 4 of the 4 volumes it can have: .*vol-\S+ \(c\) on \/dev\//,
    remedy: /use an instance type with more of them/,
  },
  {
    title: 'the instance has nearly all the volumes it can have',
    arrange: async (clinic) => {
      changeInstance(clinic, { type: 't3.nano' })
      await attachSome(clinic, ['a'])
      return undefined
    },
    says: /^ebs.attachments: i-\S+ \(t3.nano\) has 2 of the 4 volumes it can have/,
    works: true,
  },
  {
    title: 'a volume is stuck in its attaching',
    arrange: async (clinic) => {
      await attachSome(clinic, ['a'])
      const { region } = clinic.simulator
      const [attached] = region
        .attachmentsOf(clinic.machine.id)
        .filter(({ device }) => device !== '/dev/xvda')
      if (attached === undefined) throw new Error('nothing is attached')
      region.changeAttachment(attached, {
        state: 'attaching',
        time: new Date(Date.now() - 600_000),
      })
      return undefined
    },
    says: /^ebs.attachments: vol-\S+ is attaching to i-\S+ since \S+: it is stuck/,
    remedy: /^aws ec2 detach-volume --volume-id vol-/,
    works: true,
  },
  {
    title: 'two volumes of the zone have one name',
    arrange: async (clinic) => {
      await attachSome(clinic, ['data', 'other'])
      const [other] = clinic.simulator.named('other')
      clinic.simulator.region.change(other?.id ?? '', { tags: { ...other?.tags, Name: 'data' } })
      return undefined
    },
    says: /^ebs.volumes: 2 volumes of us-east-1a are called "data": vol-\S+, vol-/,
    remedy: /^aws ec2 create-tags --resources vol-\S+ --tags Key=Name/,
    works: true,
  },
]

describe('a key of KMS', () => {
  const { current } = clinicForEach()

  test('that may be used by its alias has nothing said against it', async () => {
    const clinic = current()
    clinic.account.kmsKeys.set('alias/db', { arn: KEY, state: 'Enabled' })
    const key = { Effect: 'Allow', Action: 'kms:*', Resource: KEY } as const
    clinic.allow([PRINTED, ASKING, policy('keys', key), FENCING])
    const results = await clinic.examine({ kmsKeyID: 'alias/db' })
    expect(linesOf(results, 'pass')).toContain(
      'ebs.keys: key alias/db (ebs.kmsKeyID) is enabled, and the caller may use it',
    )
  })
})

describe('the volumes that an instance has', () => {
  const { current } = clinicForEach()

  test('are told with who manages them, who mends what is stuck there', async () => {
    const clinic = current()
    changeInstance(clinic, { type: 't3.nano' })
    await attachSome(clinic, ['pvc', 'b', 'c'])
    const { region } = clinic.simulator
    const [pvc] = clinic.simulator.named('pvc')
    const [attached] = region
      .attachmentsOf(clinic.machine.id)
      .filter(({ volumeId }) => volumeId === pvc?.id)
    if (pvc === undefined || attached === undefined) throw new Error('nothing is attached')
    region.changeAttachment(attached, { state: 'attaching', time: new Date(0) })
    region.change(pvc.id, { tags: { ...pvc.tags, CSIVolumeName: 'pvc' } })
    const found = await clinic.examine()
    expect(linesOf(found, 'warn')).toEqual([])
    const [full] = linesOf(found, 'fail')
    expect(full).toContain("(pvc) on /dev/xvdaa, managed by Kubernetes' EBS CSI driver, ")
    expect(full).toMatch(/ on \/dev\/xvda, managed by instance i-\w+ as its root disk/)
  })
})

describe('the room on an instance with disks of its own', () => {
  const { current } = clinicForEach()

  // As EC2 says of them (EC2 User Guide, "Amazon EBS volume limits"): a number that is shared, less their own disks.
  test.each([
    { name: 'd3en.12xlarge', attachments: 3, ownDisks: 24 },
    { name: 'c5d.24xlarge', attachments: 23, ownDisks: 4 },
  ])('is what EC2 says of $name, which has taken those off', async (type) => {
    const { simulator } = current()
    simulator.region.types.set(type.name, { ...type, hypervisor: 'nitro' })
    changeInstance(current(), { type: type.name })
    await attachSome(current(), ['a'])
    const found = await current().examine()
    expect(linesOf(found, 'fail')).toEqual([])
    const room = `(${type.name}) has 2 of the ${type.attachments} volumes it can have`
    expect(found.find(({ id }) => id === 'ebs.attachments')?.findings).toMatchObject([
      { seen: expect.stringContaining(room) },
    ])
  })

  test('is no cause for a warning while as much of it is free as there may be', async () => {
    const type = { name: 'd3en.12xlarge', attachments: 3, ownDisks: 24 }
    current().simulator.region.types.set(type.name, { ...type, hypervisor: 'nitro' })
    changeInstance(current(), { type: type.name })
    const found = await current().examine()
    expect([...linesOf(found, 'warn'), ...linesOf(found, 'fail')]).toEqual([])
  })
})

describe('where a key or the room for volumes is missing', () => {
  const { current } = clinicForEach()
  testBroken(BROKEN, current)
})
