import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { EbsMountMachine } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import type { SimVolume } from '../../support/ec2/resources.ts'

let world: EbsWorld
let machine: EbsMountMachine
let manager: MountManager
beforeEach(async () => {
  world = await EbsWorld.open()
  machine = new EbsMountMachine(world, world.here)
  manager = await machine.manager()
  manager.start()
})
afterEach(async () => {
  await manager.close()
  await world.close()
})

const made = async () => {
  const { driver } = await world.provider()
  return (await driver.createVolume(ebsSpec('data'))).id
}
const change = (id: string, changed: Partial<SimVolume>) =>
  world.simulator.region.change(id, changed)
const state = (id: string) => world.simulator.region.volume(id).state
const mark = (id: string, tags: Readonly<Record<string, string>>) =>
  change(id, { tags: { ...world.simulator.region.volume(id).tags, ...tags } })

const CSI = "Kubernetes' EBS CSI driver"
test.each([
  ['ebs.csi.aws.com/cluster', 'true', CSI],
  ['CSIVolumeName', 'pvc-1', CSI],
  ['kubernetes.io/created-for/pv/name', '', 'Kubernetes'],
])('a volume with the tag %s is never removed', async (key, value, whose) => {
  const id = await made()
  mark(id, { [key]: value })
  for (const name of ['data', 'DATA'])
    await expect(manager.remove(name)).rejects.toThrow(
      `volume "data" is managed by ${whose}, remove it there`,
    )
  expect(state(id)).toBe('available')
  expect(world.simulator.count('DeleteVolume')).toBe(0)
})

test('a volume that a service of AWS manages is never removed', async () => {
  const id = await made()
  change(id, { operator: 'ecs.amazonaws.com' })
  await expect(manager.remove('data')).rejects.toThrow(
    'volume "data" is managed by ecs.amazonaws.com, remove it there',
  )
  expect(state(id)).toBe('available')
  expect(world.simulator.count('DeleteVolume')).toBe(0)
})

test.each(['this', 'another'] as const)(
  'a disk that %s instance starts from is neither removed nor taken off it, whatever it is called',
  async (which) => {
    const { id: instance } = which === 'this' ? world.here : world.there
    const [root] = world.simulator.region.attachmentsOf(instance)
    const id = root?.volumeId ?? ''
    mark(id, { Name: 'data', 'remora/managed': 'true' })
    await expect(manager.remove('data')).rejects.toThrow(
      `volume "data" is managed by instance ${instance} as its root disk, remove it there`,
    )
    expect(world.simulator.region.volume(id).attachments).toEqual([root])
    for (const action of ['DetachVolume', 'DeleteVolume'])
      expect(world.simulator.count(action)).toBe(0)
  },
)

test('one that is mounted when others take it over stays mounted, and is not removed', async () => {
  await manager.create('data', {})
  ;(await manager.mount({ name: 'data', holder: 'one' })).delivered()
  const [{ id } = { id: '' }] = world.simulator.named('data')
  mark(id, { 'ebs.csi.aws.com/cluster': 'true' })
  await expect(manager.remove('data')).rejects.toThrow('is managed by')
  expect(machine.isMounted('data')).toBe(true)
})

test('what was looked at just before it was marked is not removed either', async () => {
  const id = await made()
  await manager.get('data')
  mark(id, { CSIVolumeName: 'pvc-1' })
  await expect(manager.remove('data')).rejects.toThrow('is managed by')
  expect(state(id)).toBe('available')
})

test('once nobody manages it any more it is removed', async () => {
  const id = await made()
  change(id, { operator: 'ecs.amazonaws.com' })
  await expect(manager.remove('data')).rejects.toThrow('is managed by')
  change(id, { operator: undefined })
  await manager.remove('data')
  expect(world.simulator.named('data')).toEqual([])
})
