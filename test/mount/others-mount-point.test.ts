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
