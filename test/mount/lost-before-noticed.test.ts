import { afterEach, beforeEach, expect, test } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld

beforeEach(() => {
  world = new MountWorld()
})

afterEach(() => world.end())

test('a volume that is being taken away is left to whoever holds its device', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  world.platform.say(world.platform.volumes()[0]?.id ?? '', 'detaching')
  const [mount] = world.kernel.mounts()
  world.kernel.heldByOthers.add(mount?.source ?? '')
  await world.kernel.unmount('/mnt/data')
  await expect(mounted(world.manager(), 'data', 'b')).rejects.toThrow(
    'in use by pid 4711 (postgres), end that and try again: it is being detached',
  )
  expect(world.platform.count('detachVolume')).toBe(0)
})

test('a volume that is being taken away is mounted again where its dead mount still stands', async () => {
  const manager = world.manager()
  await manager.create('data', {})
  await mounted(manager, 'data', 'a')
  world.platform.say(world.platform.volumes()[0]?.id ?? '', 'detaching')
  world.platform.isHeld = () => false
  const before = world.kernel.mounts()
  world.kernel.answers = async () => false
  expect(await mounted(world.manager(), 'data', 'b')).toBe('/mnt/data/data')
  expect(world.kernel.mounts()).toHaveLength(1)
  expect(world.kernel.mounts()).not.toEqual(before)
})
