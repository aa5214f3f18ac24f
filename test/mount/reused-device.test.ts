import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)(
  'the name of a device that belongs to another disk by the time a tool begins (root)',
  () => {
    let world: LoopWorld
    let manager: MountManager
    let foreign: string
    beforeEach(async () => {
      world = new LoopWorld()
      manager = await world.manager()
      foreign = path.join(world.folder, 'foreign.img')
      await manager.create('data', {})
    })
    afterEach(() => world.end())

    const sumOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

    /** Somebody detaches the volume behind our back, and the next disk gets its name. */
    async function reuse(device: string): Promise<void> {
      await world.tool('losetup', '-d', device)
      // Where somebody else was faster with that name, it is another disk all the same.
      await world.tool('losetup', device, foreign).catch(() => {})
    }

    const isRefused = (mount: Promise<unknown>) =>
      expect(mount).rejects.toThrow(
        /^device \/dev\/loop\d+ is another disk than it was a moment ago, try again$/,
      )

    test('gets no file system: what is on that disk stays, and the repeat formats the volume', async () => {
      await world.tool('truncate', '-s', '64M', foreign)
      await world.tool('sh', '-c', 'echo precious | dd of="$0" bs=1M seek=3 conv=notrunc', foreign)
      const before = sumOf(foreign)
      const { makeFileSystem } = world.mounter
      world.mounter.makeFileSystem = (disk, spec, starting) =>
        makeFileSystem(disk, spec, async (tool) => {
          await starting(tool)
          await reuse(disk.device)
        })
      await isRefused(mounted(manager, 'data', 'a'))
      expect(sumOf(foreign)).toBe(before)
      world.mounter.makeFileSystem = makeFileSystem
      await mounted(manager, 'data', 'a')
      expect(sumOf(foreign)).toBe(before)
    })

    test('is not mounted: nobody writes to that disk, and the repeat mounts the volume', async () => {
      const folder = await mounted(manager, 'data', 'a')
      writeFileSync(path.join(folder, 'file'), 'kept')
      await manager.unmount({ name: 'data', holder: 'a' })
      await world.tool('truncate', '-s', '64M', foreign)
      await world.tool('mkfs.ext4', '-q', '-F', foreign)
      const before = sumOf(foreign)
      const { mount } = world.mounter
      world.mounter.mount = async (disk, ...rest) => {
        await reuse(disk.device)
        await mount(disk, ...rest)
      }
      await isRefused(mounted(manager, 'data', 'a'))
      expect(sumOf(foreign)).toBe(before)
      world.mounter.mount = mount
      await mounted(manager, 'data', 'a')
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
      expect(sumOf(foreign)).toBe(before)
    })
  },
)
