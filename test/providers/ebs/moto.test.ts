import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DescribeVolumesCommand, type Tag } from '@aws-sdk/client-ec2'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  FailedPreconditionError,
  NotFoundError,
  ResourceExhaustedError,
} from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { ebsSettings } from '../../../src/providers/ebs/config.ts'
import { decodeBySts } from '../../../src/providers/ebs/denials.ts'
import { linesOf } from '../../support/ebs-clinic.ts'
import { ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'
import { Moto, motoServer } from '../../support/moto.ts'
import { MOTO_PROFILE, MotoInstance } from '../../support/moto-instance.ts'

const title = 'against moto, an EC2 that others made (MOTO_SERVER names its server)'
describe.skipIf(motoServer === undefined)(title, { timeout: 120_000 }, () => {
  let folder = ''
  let moto: Moto
  let here: MotoInstance
  let there: MotoInstance
  let provider: Provider
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'remora-moto-'))
    moto = await Moto.start(folder)
    here = await MotoInstance.launch(moto, folder)
    there = await MotoInstance.launch(moto, folder)
    provider = await here.provider()
  }, 120_000)
  afterAll(async () => {
    await here?.close()
    await there?.close()
    await moto?.close()
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  })

  afterEach(() => void vi.unstubAllEnvs())

  const create = (name: string, rest = {}, from = provider) =>
    from.driver.createVolume(ebsSpec(name, rest))
  const snapshots = () => {
    if (provider.driver.snapshots === undefined) throw new Error('there are no snapshots')
    return provider.driver.snapshots
  }
  const device = async (id: string) => {
    const { attachments } = await provider.driver.volume(id)
    const [attachment] = attachments
    return attachment && (await provider.executor.device(attachment))
  }

  test('the machine is the instance that its metadata name', async () => {
    expect(await provider.executor.instance()).toMatchObject({ id: here.id, zone: here.zone })
  })

  test('a volume is made with all that was asked for, and all tags, in one call', async () => {
    const scoped = await here.provider({ tag: 'shop', rexrayTag: 'blue' })
    const wishes = { type: 'gp3', iops: 4_000, throughput: 250, encrypted: true, sizeGiB: 20 }
    const rest = { labels: { fstype: 'xfs' }, tags: { team: 'db & "more" <x>' } }
    const made = await create('tagged', { ...wishes, ...rest }, scoped)
    expect(made).toMatchObject({
      name: 'tagged',
      zone: here.zone,
      sizeGiB: 20,
      type: 'gp3',
      iops: 4_000,
      encrypted: true,
      state: 'available',
      managed: true,
      labels: { fstype: 'xfs' },
      attachments: [],
    })
    const byId = new DescribeVolumesCommand({ VolumeIds: [made.id] })
    const { Volumes: [seen] = [] } = await moto.client().send(byId)
    const asPair = ({ Key = '', Value = '' }: Tag) => [Key, Value]
    expect(Object.fromEntries((seen?.Tags ?? []).map(asPair))).toEqual({
      Name: 'shop/tagged',
      'remora/managed': 'true',
      'remora/fstype': 'xfs',
      rexraySet: 'blue',
      team: 'db & "more" <x>',
    })
    expect(seen?.Throughput).toBe(250)
    expect((await scoped.driver.volumes()).map(({ name }) => name)).toEqual(['tagged'])
  })

  test('volumes are found by id, by name, in the zone, and in any zone', async () => {
    const made = await create('found')
    const far = await create('far', { zone: 'us-east-1b' })
    const { driver } = provider
    expect(await driver.volume(made.id)).toEqual(made)
    expect(await driver.volumes({ name: 'found' })).toEqual([made])
    expect(await driver.volumes()).toContainEqual(made)
    expect(await driver.volumes()).not.toContainEqual(far)
    expect(await driver.volumes({ name: 'far', anyZone: true })).toEqual([far])
    expect(await driver.volumes({ name: 'Found', anyZone: true })).toEqual([])
    await expect(driver.volume('vol-0aaaaaaaaaaaaaaaa')).rejects.toThrow(NotFoundError)
  })

  test('a name is found in every letter case and zone by one look-up', async () => {
    const long = await create('namesakes-of-a-long-name')
    const far = await create('Namesakes-of-A-long-NAME', { zone: 'us-east-1b' })
    await create('namesakes-of-a-lone-name')
    expect(await provider.driver.namesakes?.('NAMESAKES-OF-A-LONG-NAME')).toEqual({
      here: [long],
      elsewhere: [far],
    })
  })

  test('a volume is attached, has a disk, and is detached from that instance alone', async () => {
    const { driver } = provider
    const { id } = await create('attached')
    const attachment = await driver.attachVolume(id, here.id)
    expect(attachment).toMatchObject({ volumeId: id, instanceId: here.id })
    await eventually(async () => expect(await device(id)).toMatch(/nvme\d+n1$/))
    expect(await driver.volumes({ instanceId: here.id })).toMatchObject([
      { id, state: 'in-use', attachments: [{ ...attachment, state: 'attached' }] },
    ])
    await expect(driver.removeVolume(id)).rejects.toThrow(FailedPreconditionError)
    await expect(driver.removeVolume(id)).rejects.toThrow(here.id)
    await expect(driver.detachVolume(id, there.id)).rejects.toThrow(NotFoundError)

    await driver.detachVolume(id, here.id)
    expect(await driver.volume(id)).toMatchObject({ state: 'available', attachments: [] })
    expect(await provider.executor.device(attachment)).toBeUndefined()
    await expect(driver.detachVolume(id, here.id)).rejects.toThrow(NotFoundError)
    const second = await there.provider()
    await second.driver.attachVolume(id, there.id)
    await driver.detachVolume(id, there.id, { force: true })
    await driver.removeVolume(id)
    await expect(driver.removeVolume(id)).rejects.toThrow(NotFoundError)
  })

  test('a volume is modified', async () => {
    const { driver } = provider
    const { id } = await create('modified')
    const change = { sizeGiB: 8, type: 'io1' }
    // What moto makes of the IOPS it does not show.
    expect(await driver.modifyVolume?.(id, { ...change, iops: 300 })).toMatchObject(change)
    expect(await driver.volume(id)).toMatchObject(change)
    expect(await driver.modifyVolume?.(id, change)).toMatchObject(change)
  })

  test('a snapshot is taken, listed, made a volume of, and removed', async () => {
    const { id: volumeId } = await create('source')
    const taken = await snapshots().create(volumeId, { name: 'nightly', labels: { a: 'b' } })
    expect(taken).toMatchObject({ name: 'nightly', volumeId, sizeGiB: 1, labels: { a: 'b' } })
    const listed = { ...taken, state: 'complete' }
    expect(await snapshots().list({ name: 'nightly' })).toEqual([listed])
    expect(await snapshots().list({ volumeId })).toEqual([listed])
    expect(await snapshots().list()).toContainEqual(listed)
    const source = { kind: 'snapshot', id: taken.id } as const
    expect(await create('from', { source })).toMatchObject({ madeFrom: 'snapshot' })
    await snapshots().remove(taken.id)
    expect(await snapshots().list({ name: 'nightly' })).toEqual([])
    await expect(snapshots().remove(taken.id)).rejects.toThrow(NotFoundError)
  })

  test('a snapshot is copied once, and the copy is found by the volume of its original', async () => {
    const { id: volumeId } = await create('copied')
    const taken = await snapshots().create(volumeId, { name: 'taken', labels: {} })
    const wanted = { name: 'keep', labels: { a: 'b' } }
    const made = await snapshots().copy?.(taken.id, wanted)
    expect(made).toMatchObject({ ...wanted, volumeId, copyOf: taken.id, sizeGiB: 1 })
    expect(await snapshots().copy?.(taken.id, wanted)).toMatchObject({ id: made?.id })
    const ids = (await snapshots().list({ volumeId })).map(({ id }) => id)
    expect(ids.toSorted()).toEqual([taken.id, made?.id ?? ''].toSorted())
    const gone = snapshots().copy?.('snap-0aaaaaaaaaaaaaaaa', wanted)
    await expect(gone).rejects.toThrow(NotFoundError)
  })

  test('another instance is known by its state, and stopped', async () => {
    const { instances } = provider.driver
    const { id } = there
    expect(await instances?.status(id)).toEqual({ id, state: 'running' })
    await instances?.stop(id)
    expect(await instances?.status(id)).toMatchObject({ id, state: 'stopped' })
    expect(await instances?.status('i-0aaaaaaaaaaaaaaaa')).toBeUndefined()
    await expect(instances?.stop('i-0aaaaaaaaaaaaaaaa')).rejects.toThrow(NotFoundError)
  })

  test('an instance takes as many volumes as its type is said to take', async () => {
    const attachOne = async (number: number) => {
      const { id } = await create(`many${number}`)
      await provider.driver.attachVolume(id, here.id)
    }
    for (let number = 1; number <= 26; number += 1) await attachOne(number)
    await expect(attachOne(27)).rejects.toThrow(ResourceExhaustedError)
    await expect(attachOne(27)).rejects.toThrow(
      `${here.id} (m5.large), which has 27 volumes, of the 27 it can have`,
    )
  })

  test('doctor knows the caller, the role and its instance profile as IAM and STS say them', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_STS', moto.endpoint)
    const roleARN = await moto.addRole(MOTO_PROFILE, '/fleet/')
    const found = linesOf(await here.examine({ roleARN }), 'pass')
    expect(found).toContainEqual(
      expect.stringMatching(
        /^ebs.credentials: access key ASIA\w+ from role \S+:role\/fleet\/node \(ebs.roleARN\), valid until/,
      ),
    )
    expect(found).toContain(
      'ebs.caller: the credentials belong to arn:aws:sts::123456789012:assumed-role/node/remora of account 123456789012',
    )
    expect(found).toContainEqual(
      // What moto lacks is no reason to say that something is wrong.
      expect.stringMatching(
        /^ebs.permissions: allowed: .*ec2:CreateVolume.* IAM said nothing: its answer is none of AWS/,
      ),
    )
    // A role that is gone is looked for behind the instance profile.
    const gone = await here.examine({ roleARN: roleARN.replace('fleet/node', 'gone') })
    expect(linesOf(gone, 'pass')).toContainEqual(
      expect.stringMatching(/assumed-role\/gone\/remora/),
    )
  })

  test('a refusal that STS cannot decode stays as it is', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_STS', moto.endpoint)
    const settings = ebsSettings.parse({ accessKey: 'AKIDEXAMPLE', secretKey: 'secret' })
    const identity = { own: async () => ({ instanceId: here.id, region: 'us-east-1' }) }
    expect(await decodeBySts(settings, identity)('4x0nWjQ1')).toBeUndefined()
  })

  test('every call that the provider makes was made', () => {
    const sources = new URL('../../../src/providers/ebs/', import.meta.url).pathname
    const files = readdirSync(sources, { encoding: 'utf8', recursive: true })
    const code = files
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(path.join(sources, name), 'utf8'))
    const used = [...code.join('\n').matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name)
    expect(moto.actions()).toEqual([...new Set(used)].sort())
  })
})
