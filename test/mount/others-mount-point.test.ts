import { afterEach, beforeEach, expect, test } from 'vitest'
import { BlockPublisher } from '../../src/mount/block-publisher.ts'
import { createPlaces } from '../../src/mount/places.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'

let world: MountWorld
let removed: string[]

beforeEach(() => {
  world = new MountWorld()
  removed = []
  world.kernel.removeMountPoint = async (...[mountPoint]: string[]) => {
    removed.push(mountPoint ?? '')
  }
})

afterEach(() => world.end())

test('a Mount that is refused before anything was attached leaves the mount point of that name alone', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  const id = world.platform.volumes()[0]?.id ?? ''
  world.platform.attachByHand(id, 'elsewhere')
  await expect(mounted(manager, 'data', 'a')).rejects.toThrow('is attached to elsewhere')
  expect(removed).toEqual([])
})

test('a mount point is not removed while something is mounted there', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  const events = { record: () => {} }
  const publisher = new BlockPublisher(world.kernel, quickSettings, 'memory', events)
  await publisher.tidy(createPlaces('/mnt', '/data', new Set()).of('data'))
  expect(removed).toEqual([])
  await manager.unmount({ name: 'data', holder: 'a' })
  expect(removed).toEqual(['/mnt/data'])
})

test('a volume is never mounted on top of what somebody else has mounted at its place', async () => {
  const manager = world.manager()
  await manager.create('other', {})
  await mounted(manager, 'other', 'a')
  await manager.create('data', {})
  const [foreign = ''] = world.kernel.mounts().map(({ source }) => source)
  await world.kernel.mount({ device: foreign }, '/mnt/data', 'ext4')
  await expect(mounted(manager, 'data', 'b')).rejects.toThrow(`is taken by ${foreign} (ext4)`)
  const there = world.kernel.mounts().filter(({ mountPoint }) => mountPoint === '/mnt/data')
  expect(there.map(({ source }) => source)).toEqual([foreign])
})
