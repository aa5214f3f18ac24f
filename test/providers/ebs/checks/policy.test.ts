import { describe, expect, test } from 'vitest'
import type { Provider } from '../../../../src/libstorage/storage-driver.ts'
import { NEEDS } from '../../../../src/providers/ebs/checks/needs.ts'
import { allowing, minimalPolicy, policyFor } from '../../../../src/providers/ebs/checks/policy.ts'
import { clinicForEach, foreignVolume, ownVolume } from '../../../support/ebs-broken.ts'
import { ACCESS_KEY, type EbsClinic, linesOf, SECRET_KEY } from '../../../support/ebs-clinic.ts'
import { ebsSpec, patient } from '../../../support/ebs-world.ts'
import type { PolicyDocument } from '../../../support/iam/policy.ts'

const PARTITION = 'aws'
const PLAIN = { partition: PARTITION, stopsMachines: false }
const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'

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

  test.each([false, true])(
    'has all that is looked at, be it that other machines are stopped (%s), and no more',
    async (stopsMachines) => {
      const clinic = current()
      clinic.stopsMachines = stopsMachines
      await ownVolume(clinic)
      const { tagged } = (await clinic.policy()).policies
      expect(JSON.stringify(tagged).includes('ec2:StopInstances')).toBe(stopsMachines)
      clinic.allow([{ name: 'printed', document: tagged as PolicyDocument }])
      const found = await clinic.examine()
      expect([...linesOf(found, 'warn'), ...linesOf(found, 'fail')]).toEqual([])
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
      fits: 'untagged',
      because: `1 of 2 volumes with a name lack the tag remora/managed=true, as those of REX-Ray do: ${old} (old)`,
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

  test('allows the key of encrypted volumes where one is configured', async () => {
    const { policies } = await current().policy({ kmsKeyID: KEY })
    const text = JSON.stringify(policies)
    expect(text).toContain(
      `"Resource":"${KEY}","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}`,
    )
    expect(JSON.stringify((await current().policy({ kmsKeyID: 'alias/db' })).policies)).toContain(
      '"Resource":"*","Condition":{"Bool"',
    )
    expect(JSON.stringify((await current().policy()).policies)).not.toContain('kms:')
  })
})

test('there is a statement for each permission that is looked at', () => {
  const all = minimalPolicy({ ...PLAIN, tagged: false, stopsMachines: true }).Statement
  const allowed = new Set(all.flatMap(({ Action }) => Action))
  expect([...allowed].toSorted()).toEqual(NEEDS.map(({ action }) => action).toSorted())
  for (const { action } of NEEDS)
    expect(allowing(action, PARTITION)).toContain(`"Action":["${action}"]`)
})

test('resources are named in the partition of the region', () => {
  const { policies } = policyFor([], { ...PLAIN, partition: 'aws-cn' })
  expect(JSON.stringify(policies)).toContain('arn:aws-cn:ec2:*:*:volume/*')
  expect(JSON.stringify(policies)).not.toContain('arn:aws:')
})
