import { afterEach, beforeEach, expect, test } from 'vitest'
import { anAttachment, aVolume, HERE } from '../../support/a-volume.ts'
import { DoctorWorld } from '../../support/doctor-world.ts'

let world: DoctorWorld
beforeEach(() => {
  world = new DoctorWorld()
  world.useCloud()
})
afterEach(() => world.end())

const managedBy = "Kubernetes' EBS CSI driver"
const LONG_AGO = new Date('2024-05-06T07:08:09Z')

/** What is said of volumes, but for what all is well with. */
const wrong = async () =>
  (await world.lines()).filter((line) => /^(?:warn|fail) volumes\./.test(line))

test.each([
  ['is attached here and mounted nowhere', { attachments: [anAttachment('vol-pg')] }],
  [
    'is stuck on its way here',
    { attachments: [anAttachment('vol-pg', { state: 'attaching', since: LONG_AGO })] },
  ],
  ['is broken', { state: 'error' }],
  ['was last used long ago', { createdAt: LONG_AGO }],
] as const)('a volume that others manage and that %s is theirs to mend', async (_what, facts) => {
  world.volumes.push(aVolume({ name: 'pg', managedBy, ...facts }))
  expect(await wrong()).toEqual([])
})

test('volumes that others manage may share a name', async () => {
  for (const id of ['vol-1', 'vol-2']) world.volumes.push(aVolume({ name: 'pg', id, managedBy }))
  expect(await wrong()).toEqual([])
})

test('one that has the name of ours is told with who manages it, and is not the one to remove', async () => {
  world.volumes.push(aVolume({ name: 'pg', id: 'vol-1' }))
  world.volumes.push(aVolume({ name: 'pg', id: 'vol-2', managedBy }))
  expect(await wrong()).toEqual([
    `fail volumes.names: volume "pg" is not the only one of its name: pg (vol-1), pg (vol-2, managed by ${managedBy})`,
  ])
})

test('they are not counted among those of the service', async () => {
  world.volumes.push(aVolume({ name: 'pg' }))
  world.volumes.push(aVolume({ name: 'k8s', managedBy, attachments: [anAttachment('vol-k8s')] }))
  expect(await world.lines()).toContain(
    `pass volumes.platform: this machine is ${HERE}; it sees 1 volume, 0 of them attached here, and 1 that others manage`,
  )
})
