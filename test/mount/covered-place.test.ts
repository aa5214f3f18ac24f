import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)(
  'a volume whose folder of mount points was covered by another mount',
  () => {
    let world: LoopWorld
    beforeEach(() => {
      world = new LoopWorld()
    })
    afterEach(() => world.end())

    const cover = async () => {
      await world.tool('mount', '-t', 'tmpfs', 'cover', world.mountRoot)
      mkdirSync(path.join(world.mountRoot, 'data/data'), { recursive: true })
      writeFileSync(path.join(world.mountRoot, 'data/data/file'), 'another')
    }

    test('is mounted where the path leads now, and no container gets what lies there', async () => {
      const manager = await world.manager()
      await manager.create('data', {})
      const folder = await mounted(manager, 'data', 'a')
      writeFileSync(path.join(folder, 'file'), 'kept')
      await cover()
      expect(await manager.path('data')).toBeUndefined()
      expect(await mounted(manager, 'data', 'b')).toBe(folder)
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
    })

    test('is let go when the other mount is gone', async () => {
      const manager = await world.manager()
      await manager.create('data', {})
      await mounted(manager, 'data', 'a')
      await cover()
      await mounted(manager, 'data', 'b')
      await manager.unmount({ name: 'data', holder: 'b' })
      await manager.unmount({ name: 'data', holder: 'a' })
      await expect(manager.remove('data')).rejects.toThrow('is in use')
      await world.tool('umount', world.mountRoot)
      await eventually(async () =>
        expect(await world.tool('losetup', '-j', world.diskOf('data'))).toBe(''),
      )
      await manager.remove('data')
    })
  },
)
