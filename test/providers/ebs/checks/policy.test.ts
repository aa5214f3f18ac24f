import { describe, expect, test } from 'vitest'
import type { Provider } from '../../../../src/libstorage/storage-driver.ts'
import { NEEDS } from '../../../../src/providers/ebs/checks/needs.ts'
import {
  allowing,
  minimalPolicy,
  type Policy,
  policyFor,
} from '../../../../src/providers/ebs/checks/policy.ts'
import { clinicForEach, foreignVolume, ownVolume } from '../../../support/ebs-broken.ts'
import {
  ACCESS_KEY,
  ASKING,
  type EbsClinic,
  linesOf,
  SECRET_KEY,
} from '../../../support/ebs-clinic.ts'
import { ebsSpec, patient } from '../../../support/ebs-world.ts'
import type { PolicyDocument } from '../../../support/iam/policy.ts'

const PARTITION = 'aws'
const PLAIN = { partition: PARTITION, stopsMachines: false }
const KEY_ID = '0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
const KEY = `arn:aws:kms:us-east-1:123456789012:key/${KEY_ID}`

const provider = async ({ world, machine }: EbsClinic): Promise<Provider> =>
  patient(await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY }))

/** Everything that is done with a volume in its life. */
const live = async (clinic: EbsClinic) => {
  const { world, machine } = clinic
  const plain = await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY })
  const { driver } = await provider(clinic)
  const { id } = await driver.createVolume(ebsSpec('data'))
  await driver.attachVolume(id, machine.id)
  await plain.driver.modifyVolume?.(id, { sizeGiB: 2 })
  const taken = await plain.driver.snapshots?.create(id, { name: 'nightly', labels: {} })
  const snapshot = taken?.id ?? ''
  await expect.poll(async () => (await plain.driver.snapshots?.list())?.[0]?.state).toBe('complete')
  const ofSnapshot = { kind: 'snapshot', id: snapshot } as const
  const copies = [
    await driver.createVolume(ebsSpec('of-snapshot', { sizeGiB: 2, source: ofSnapshot })),
    await driver.createVolume(ebsSpec('of-volume', { sizeGiB: 2, source: { kind: 'volume', id } })),
  ]
  const kept = await plain.driver.snapshots?.copy?.(snapshot, { name: 'keep', labels: {} })
  for (const one of [snapshot, kept?.id ?? '']) await plain.driver.snapshots?.remove(one)
  await driver.detachVolume(id, machine.id)
  for (const one of [id, ...copies.map((copy) => copy.id)]) await driver.removeVolume(one)
}

/** Leaves no volume with a name, and no snapshot. */
const empty = ({ simulator }: EbsClinic) => {
  const { volumes, snapshots } = simulator.region
  for (const { id, tags } of volumes.all())
    if (tags['Name'] !== undefined) volumes.set(id, undefined)
  for (const { id } of snapshots.all()) snapshots.set(id, undefined)
}

describe('the printed policy', () => {
  const { current } = clinicForEach()

  test.each([true, false])(
    'with conditions on tags (%s) lets a volume live its life',
    async (tagged) => {
      const clinic = current()
      const printed = minimalPolicy({ ...PLAIN, tagged })
      clinic.allow([{ name: 'printed', document: printed }])
      await live(clinic)
      const refused = clinic.simulator.calls.filter(
        ({ outcome }) => outcome === 'UnauthorizedOperation',
      )
      expect(refused).toEqual([])
    },
  )

  test('is the least: a volume lives its life without none of its statements', async () => {
    const clinic = current()
    const { Statement, Version } = minimalPolicy({ ...PLAIN, tagged: true })
    const missed: string[] = []
    for (const one of Statement) {
      const rest: PolicyDocument = {
        Version,
        Statement: Statement.filter((other) => other !== one),
      }
      clinic.allow([{ name: 'printed', document: rest }])
      await live(clinic).catch(() => missed.push(one.Sid))
      empty(clinic)
    }
    expect(missed).toEqual(Statement.map(({ Sid }) => Sid))
  })

  test("with conditions on tags does not let a volume of REX-Ray's be used, and without them does", async () => {
    const clinic = current()
    const id = await foreignVolume(clinic)
    const use = async (tagged: boolean) => {
      clinic.allow([{ name: 'printed', document: minimalPolicy({ ...PLAIN, tagged }) }])
      await (await provider(clinic)).driver.attachVolume(id, clinic.machine.id)
    }
    await expect(use(true)).rejects.toThrow(/ec2:AttachVolume: UnauthorizedOperation/)
    await use(false)
  })

  test.each([
    { stopsMachines: false, volumes: 'a volume', and: [] },
    { stopsMachines: true, volumes: 'a volume', and: [ASKING] },
    { stopsMachines: true, volumes: 'no volume', and: [ASKING] },
  ])(
    'has all that is looked at where other machines are stopped ($stopsMachines) and there is $volumes',
    async ({ stopsMachines, volumes, and }) => {
      const clinic = current()
      clinic.stopsMachines = stopsMachines
      if (volumes === 'a volume') await ownVolume(clinic)
      const { tagged } = (await clinic.policy()).policies
      expect(JSON.stringify(tagged).includes('ec2:StopInstances')).toBe(stopsMachines)
      clinic.allow([{ name: 'printed', document: tagged as PolicyDocument }, ...and])
      const found = await clinic.examine()
      expect([...linesOf(found, 'warn'), ...linesOf(found, 'fail')]).toEqual([])
    },
  )

  test.each([
    { there: 'no others', and: [] },
    { there: 'no others', and: [ASKING] },
    { there: 'one with the tag', and: [] },
    { there: 'one with the tag', and: [ASKING] },
  ])(
    'with conditions on tags is right where a volume of others is in the region, and $there',
    async ({ there, and }) => {
      const clinic = current()
      const others = await foreignVolume(clinic)
      if (there === 'one with the tag') await ownVolume(clinic)
      const { fits, policies } = await clinic.policy()
      expect(fits).toBe('tagged')
      clinic.allow([{ name: 'printed', document: policies[fits] as PolicyDocument }, ...and])
      const found = await clinic.examine()
      expect([...linesOf(found, 'warn'), ...linesOf(found, 'fail')]).toEqual([])
      const said = `such as ${others} (old), which this instance does not have; one that shall be used here needs it: aws ec2 create-tags --resources ${others}`
      const isSaid = linesOf(found, 'pass').some((line) => line.includes(said))
      expect(isSaid).toBe(there === 'one with the tag')
    },
  )

  test('that fits is the one for the volumes that are there', async () => {
    const clinic = current()
    await ownVolume(clinic)
    expect(await clinic.policy()).toMatchObject({
      fits: 'tagged',
      because: 'there is no volume with a name that lacks the tag remora/managed=true',
    })
    const old = await foreignVolume(clinic)
    expect(await clinic.policy()).toMatchObject({
      fits: 'tagged',
      because: `this instance has none of the 1 of 2 volumes with a name that lack the tag remora/managed=true; until they get it, those could not be attached, detached, resized, copied to a snapshot or removed: ${old} (old)`,
    })
    await (await provider(clinic)).driver.attachVolume(old, clinic.machine.id)
    expect(await clinic.policy()).toMatchObject({
      fits: 'untagged',
      because: `this instance has 1 volume that lacks the tag remora/managed=true, as those of REX-Ray do: ${old} (old)`,
    })
  })

  test('is there before anything is allowed, and before there is an instance', async () => {
    const clinic = current()
    clinic.allow([])
    expect(await clinic.policy()).toMatchObject({
      fits: 'untagged',
      because: expect.stringMatching(
        /^it fits whatever is there, and the volumes cannot be seen: UnauthorizedOperation/,
      ),
      policies: { tagged: minimalPolicy({ ...PLAIN, tagged: true }) },
    })
    clinic.machine.metadata.options.isSilent = true
    expect(await clinic.policy()).toMatchObject({ fits: 'untagged' })
  })

  describe('allows the key of encrypted volumes, by way of EC2 in the region alone,', () => {
    const HERE = 'arn:aws:kms:us-east-1'
    const BY_EC2 = { StringEquals: { 'kms:ViaService': 'ec2.us-east-1.amazonaws.com' } }
    const LENT = { Bool: { 'kms:GrantIsForAWSResource': 'true' } }
    const named = (alias: string) => ({
      'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias },
    })
    const statements = async (kmsKeyID?: string) => {
      const { tagged } = (await current().policy({ kmsKeyID })).policies
      return (tagged as Policy).Statement.filter(({ Action }) => Action[0]?.startsWith('kms:'))
    }

    test.each([
      { by: 'its ARN', id: KEY, Resource: KEY },
      { by: 'its id', id: KEY_ID, Resource: `${HERE}:*:key/${KEY_ID}` },
      { by: 'an alias', id: 'alias/db', Resource: `${HERE}:*:key/*`, alias: 'alias/db' },
      {
        by: 'the ARN of an alias',
        id: `${HERE}:123456789012:alias/db`,
        Resource: `${HERE}:123456789012:key/*`,
        alias: 'alias/db',
      },
    ])('where it is configured by $by', async ({ id, Resource, alias }) => {
      const byAlias = alias === undefined ? {} : named(alias)
      expect(await statements(id)).toMatchObject([
        { Action: ['kms:DescribeKey'], Resource },
        {
          Action: ['kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncrypt*'],
          Resource,
          Condition: { ...BY_EC2, ...byAlias },
        },
        {
          Action: ['kms:CreateGrant'],
          Resource,
          Condition: { ...BY_EC2, ...LENT, ...byAlias },
        },
      ])
    })

    test('and none where there is none', async () => {
      expect(await statements()).toEqual([])
    })

    test.each([KEY, KEY_ID, 'alias/db'])('so that doctor has nothing against %s', async (id) => {
      const clinic = current()
      clinic.account.kmsKeys.set(id, {
        arn: KEY,
        state: 'Enabled',
        aliases: ['alias/other', 'alias/db'],
      })
      const { tagged } = (await clinic.policy({ kmsKeyID: id })).policies
      clinic.allow([{ name: 'printed', document: tagged as PolicyDocument }, ASKING])
      const found = await clinic.examine({ kmsKeyID: id })
      expect([...linesOf(found, 'warn'), ...linesOf(found, 'fail')]).toEqual([])
      expect(linesOf(found, 'pass')).toContain(
        `ebs.keys: key ${id} (ebs.kmsKeyID) is enabled, and the caller may use it`,
      )
    })

    test('and no key of another alias', async () => {
      const clinic = current()
      clinic.account.kmsKeys.set('alias/db', { arn: KEY, state: 'Enabled', aliases: [] })
      const { tagged } = (await clinic.policy({ kmsKeyID: 'alias/db' })).policies
      clinic.allow([{ name: 'printed', document: tagged as PolicyDocument }, ASKING])
      const found = await clinic.examine({ kmsKeyID: 'alias/db' })
      expect(linesOf(found, 'warn')).toEqual([
        expect.stringMatching(
          /^ebs.keys: whether key alias\/db .* is not known: .*kms:DescribeKey/,
        ),
      ])
    })
  })
})

test('there is a statement for each permission that is looked at', () => {
  const all = minimalPolicy({ ...PLAIN, tagged: false, stopsMachines: true }).Statement
  const allowed = new Set(all.flatMap(({ Action }) => Action))
  expect([...allowed].toSorted()).toEqual(NEEDS.map(({ action }) => action).toSorted())
  for (const { action } of NEEDS)
    expect(allowing(action, PARTITION)).toContain(`"Action":["${action}"]`)
})

test('the name of EC2 to KMS is either one where the region is in China, and any where it is not known', () => {
  const via = (region: string) =>
    JSON.stringify(minimalPolicy({ ...PLAIN, tagged: true, key: { id: KEY_ID, region } }))
  expect(via('cn-north-1')).toContain(
    '"kms:ViaService":["ec2.cn-north-1.amazonaws.com","ec2.cn-north-1.amazonaws.com.cn"]',
  )
  expect(via('cn-north-1')).toContain(`"arn:aws-cn:kms:cn-north-1:*:key/${KEY_ID}"`)
  expect(via('')).toContain('{"StringLike":{"kms:ViaService":"ec2.*.amazonaws.com"}')
})

test('resources are named in the partition of the region', () => {
  const { policies } = policyFor([], { ...PLAIN, partition: 'aws-cn' })
  expect(JSON.stringify(policies)).toContain('arn:aws-cn:ec2:*:*:volume/*')
  expect(JSON.stringify(policies)).not.toContain('arn:aws:')
})
