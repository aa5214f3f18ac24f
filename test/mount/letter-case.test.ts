import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'

describe('two volumes whose names differ in letter case only', () => {
  let world: MountWorld
  beforeEach(() => {
    world = new MountWorld()
    world.platform.add({ name: 'data' })
    world.platform.add({ name: 'DATA' })
  })
  afterEach(() => world.end())

  test('a repeated Remove of the one does not destroy the other', async () => {
    const manager = world.manager()
    await manager.remove('DATA')
    await manager.remove('DATA')
    expect(world.platform.volumes().map(({ name }) => name)).toEqual(['data'])
  })

  test('Path of the one that is not mounted does not lead to the other', async () => {
    const manager = world.manager()
    await mounted(manager, 'data', 'a')
    expect(await manager.path('DATA')).toBeUndefined()
  })

  test.each(['', 'a'])(
    'Unmount of the one by %j does not end a mount of the other',
    async (holder) => {
      const manager = world.manager()
      await mounted(manager, 'data', holder)
      await manager.unmount({ name: 'DATA', holder })
      expect(world.isMounted('data')).toBe(true)
    },
  )
})

describe('creates at once of names that differ in letter case only', () => {
  test('make one volume', async () => {
    const world = new MountWorld()
    try {
      const manager = world.manager()
      await Promise.allSettled([manager.create('data', {}), manager.create('DATA', {})])
      expect(world.platform.volumes()).toHaveLength(1)
    } finally {
      await world.end()
    }
  })
})
