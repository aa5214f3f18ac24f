import { afterEach, beforeEach, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { MountWorld } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

test('a volume that several machines may have at once is refused, and not even attached', async () => {
  world.platform.add({ name: 'data', multiAttach: true })
  const mount = world.manager().mount({ name: 'data', holder: 'one' })
  await expect(mount).rejects.toThrow(FailedPreconditionError)
  await expect(mount).rejects.toThrow(
    'volume "data" may be attached to several machines at once (Multi-Attach), and two that mount it would destroy its file system, use another volume, or switch that off',
  )
  expect(world.platform.count('attachVolume')).toBe(0)
  expect(world.kernel.effects).toEqual([])
})
