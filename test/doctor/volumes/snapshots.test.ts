import { afterEach, beforeEach, expect, test } from 'vitest'
import { snapshotsCheck } from '../../../src/doctor/volumes/snapshots.ts'
import type { Volume } from '../../../src/libstorage/types.ts'
import { aSnapshot, aVolume } from '../../support/a-volume.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'
import { ebsLook, findingsOf } from '../../support/ebs-look.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open({ delays: { snapshotPause: 0 } })
})
afterEach(() => world.close())

const newVolume = async (name: string, machine = world.here) =>
  await (await world.provider(machine)).driver.createVolume(ebsSpec(name))

/** A snapshot as Remora takes it; resolves with its id. */
const takenOf = async ({ id, name }: Pick<Volume, 'id' | 'name'>) => {
  const { driver } = await world.provider()
  const made = await driver.snapshots?.create(id, { name: `copy of ${name}`, labels: {} })
  return made?.id ?? ''
}

/** One as a program for backups takes it. */
const backupOf = async (volume: Volume) => {
  const id = await takenOf(volume)
  const { snapshots } = world.simulator.region
  const known = snapshots.get(id)
  const tags = { 'aws:dlm:lifecycle-policy-id': 'policy-1', Name: `backup of ${volume.name}` }
  if (known !== undefined) snapshots.set(id, { ...known, tags })
  return id
}

const found = (settings = {}) => findingsOf(snapshotsCheck(ebsLook(world, settings)))
const ALL_RIGHT = (count: string) => [
  { verdict: 'pass', seen: `${count} of ours, each with its volume` },
]

test('the backups that others make are none of ours, whatever has become of their volumes', async () => {
  const { region } = world.simulator
  const [root, gone] = [await newVolume('web'), await newVolume('gone')]
  await backupOf(root)
  await backupOf(gone)
  const attachment = { volumeId: root.id, instanceId: world.there.id, device: '/dev/xvda' } as const
  const attachments = [
    { ...attachment, state: 'attached', time: new Date(0), deleteOnTermination: true } as const,
  ]
  region.change(root.id, { state: 'in-use', attachments })
  region.volumes.set(gone.id, undefined)
  expect(await found()).toEqual(ALL_RIGHT('0 snapshots'))
})

test('a snapshot whose volume is not among ours is not orphaned while that is there', async () => {
  const { region } = world.simulator
  const far = await world.simulator.launch({ zone: 'us-east-1b' })
  const [bare, root, away] = [
    await newVolume('bare'),
    await newVolume('web'),
    await newVolume('away', far),
  ]
  for (const one of [bare, root, away]) await takenOf(one)
  region.change(bare.id, { tags: {} })
  const attachment = { volumeId: root.id, instanceId: world.there.id, device: '/dev/xvda' } as const
  const attachments = [
    { ...attachment, state: 'attached', time: new Date(0), deleteOnTermination: true } as const,
  ]
  region.change(root.id, { state: 'in-use', attachments })
  expect(await found({ perZoneNames: true })).toEqual(ALL_RIGHT('3 snapshots'))
})

test('a snapshot of ours is orphaned when EC2 knows its volume no more', async () => {
  const volume = await newVolume('data')
  const id = await takenOf(volume)
  world.simulator.region.volumes.set(volume.id, undefined)
  expect(await found()).toEqual([
    {
      verdict: 'warn',
      seen: expect.stringContaining(`(${id}, 1 GiB) is orphaned: its volume ${volume.id} is gone`),
      remedy: `if nobody needs it: remora snapshot rm ${id}`,
    },
  ])
})

test('a copy is kept for its own sake, and not orphaned where the volume of its original is gone', async () => {
  const volume = await newVolume('data')
  const { driver } = await world.provider()
  const original = await takenOf(volume)
  await expect.poll(async () => (await driver.snapshots?.list())?.[0]?.state).toBe('complete')
  const copy = await driver.snapshots?.copy?.(original, { name: 'keep', labels: {} })
  world.simulator.region.volumes.set(volume.id, undefined)
  const all = JSON.stringify(await found())
  expect(all).toContain(original)
  expect(all).not.toContain(copy?.id)
})

test('what is marked by another prefix belongs to others', async () => {
  await takenOf(await newVolume('data'))
  expect(await found({ tag: 'prod' })).toEqual(ALL_RIGHT('0 snapshots'))
})

test('whether a volume is gone is not known while EC2 does not say so', async () => {
  const volume = await newVolume('data')
  await takenOf(volume)
  world.simulator.region.volumes.set(volume.id, undefined)
  const look = ebsLook(world)
  await look.platform()
  const denied = { kind: 'error', code: 'UnauthorizedOperation', status: 403 } as const
  world.simulator.faults.always('DescribeVolumes', denied)
  const [finding] = await findingsOf(snapshotsCheck(look))
  expect(finding?.verdict).toBe('skip')
  expect(finding?.seen).toMatch(
    /^whether 1 volume of snapshots is gone is not known: .*Unauthorized/,
  )
})

test('a snapshot that failed is named where it is ours', async () => {
  const doctor = new DoctorWorld()
  try {
    doctor.useCloud()
    doctor.volumes.push(aVolume({ name: 'data' }))
    doctor.snapshots.push(aSnapshot({ id: 'snap-1', state: 'error' }))
    doctor.snapshots.push(aSnapshot({ id: 'snap-2', state: 'error', foreign: true }))
    const lines = (await doctor.lines()).filter((line) => line.includes('volumes.snapshots'))
    expect(lines).toEqual(['warn volumes.snapshots: snapshot "" (snap-1, 1 GiB) has failed'])
  } finally {
    await doctor.end()
  }
})
