import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Disk, ToolStarting } from '../../../src/mount/mounter.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld, unnoted } from '../../support/kernel-world.ts'

describe.skipIf(!canMount || !has('mkfs.ext4', 'mkfs.btrfs', 'btrfstune'))(
  'a tool whose device has its name from another disk by now (root)',
  () => {
    let world: KernelWorld
    beforeEach(() => {
      world = new KernelWorld()
    })
    afterEach(() => world.end())

    const sumOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex')

    const tools: Readonly<
      Record<string, (disk: Disk, starting: ToolStarting) => Promise<unknown>>
    > = {
      mkfs: (disk, starting) =>
        world.mounter.makeFileSystem(
          disk,
          { fsType: 'ext4', uuid: randomUUID(), label: 'data' },
          starting,
        ),
      e2fsck: (disk, starting) => world.mounter.check(disk, 'ext4', starting),
      wipefs: (disk) => world.mounter.wipeSignatures(disk),
      resize2fs: (disk, starting) => world.mounter.grow({ ...disk, fsType: 'ext4' }, starting),
      btrfstune: (disk, starting) =>
        world.mounter.tellApart({ ...disk, uuid: randomUUID(), ownUuid: randomUUID() }, starting),
      mount: (disk) => world.mounter.mount(disk, world.folder('mnt'), 'ext4', []),
    }

    /** What the tool would do its work on. */
    async function diskFor(name: string): Promise<string> {
      const image = world.image(128)
      if (name === 'btrfstune') await tool('mkfs.btrfs', '-q', image)
      else if (name !== 'mkfs') await tool('mkfs.ext4', '-q', image, '64M')
      if (name === 'e2fsck') await tool('debugfs', '-w', '-R', 'ssv state 2', image)
      return image
    }

    /** A disk whose name belongs to another one by now; where somebody else was faster with that name, the next one is tried. */
    async function nameGivenTo(image: string): Promise<Disk> {
      for (let attempt = 0; attempt < 20; attempt++) {
        const device = await world.disk(world.image(128))
        const disk = { device, identity: world.mounter.deviceIdentity(device) }
        await tool('losetup', '-d', device)
        const isGiven = await tool('losetup', device, image).then(
          () => true,
          () => false,
        )
        if (isGiven) return disk
      }
      throw new Error('others take every name')
    }

    test.each(Object.keys(tools))('does not begin: %s', async (name) => {
      const image = await diskFor(name)
      const disk = await nameGivenTo(image)
      const { device } = disk
      world.atEnd(() => tool('losetup', '-d', device))
      const before = sumOf(image)
      const work = tools[name]
      await expect(work?.(disk, unnoted)).rejects.toMatchObject({
        code: 'ERR_UNAVAILABLE',
        message: `device ${device} is another disk than it was a moment ago, try again`,
      })
      expect(sumOf(image)).toBe(before)
      await work?.({ device, identity: world.mounter.deviceIdentity(device) }, unnoted)
      await tool('umount', world.folder('mnt')).catch(() => {})
      expect(sumOf(image)).not.toBe(before)
    })

    test('does not begin either where there is no such device any more', async () => {
      const device = await world.disk(320)
      const disk = { device, identity: world.mounter.deviceIdentity(device) }
      await tool('losetup', '-d', device)
      await expect(tools['mkfs']?.(disk, unnoted)).rejects.toThrow('is another disk')
    })
  },
)
