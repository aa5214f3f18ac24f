import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { tellApart } from '../../../src/mount/linux/telling-apart.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld, unnoted } from '../../support/kernel-world.ts'

const OWN_UUID = '0b6a3f0a-5d3e-4c39-8f4e-0d3b5f6a7c88'

const uuidOf = (device: string) => tool('blkid', '-p', '-o', 'value', '-s', 'UUID', device)

describe.skipIf(!canMount || !has('mkfs.btrfs', 'btrfstune'))(
  'a btrfs that was copied without being frozen (root)',
  () => {
    let world: KernelWorld
    let uuid: string
    let original: string
    let copy: string
    beforeEach(async () => {
      world = new KernelWorld()
      const image = world.image(320)
      const device = await world.disk(image)
      await tool('mkfs.btrfs', '-q', device)
      original = await world.mount(device, 'original')
      await tool('sync', '-f', original)
      await tool('sh', '-c', 'echo synced > "$0" && sync "$0"', path.join(original, 'file'))
      await tool('cp', image, world.path('copy.img'))
      copy = await world.disk(world.path('copy.img'))
      uuid = await uuidOf(copy)
    })
    afterEach(() => world.end())

    /** What a kernel shows that knows no twins, while those of these UUIDs are mounted. */
    function kernelBefore67(...mounted: readonly string[]): string {
      const sysfs = world.folder('sysfs')
      for (const name of ['features', ...mounted]) mkdirSync(path.join(sysfs, name))
      return sysfs
    }

    const toldApart = (sysfs?: string) =>
      tellApart(
        { device: copy, uuid, ownUuid: OWN_UUID },
        run,
        world.tools.runBehindGate,
        unnoted,
        sysfs,
      )

    test('is refused under a kernel before 6.7 while its original is mounted', async () => {
      await expect(toldApart(kernelBefore67(uuid))).rejects.toThrow(
        `the btrfs file system on ${copy} is a copy of one that is mounted, has the same UUID, and cannot be given another: its log is to be replayed first, unmount the one it was copied from until this one has been mounted once`,
      )
      expect(await uuidOf(copy)).toBe(uuid)
    })

    test('may be mounted under such a kernel once its original is not, and has its own UUID after that', async () => {
      await toldApart(kernelBefore67())
      await tool('umount', original)
      await tool('umount', await world.mount(copy, 'copy'))
      await toldApart()
      expect(await uuidOf(copy)).toBe(OWN_UUID)
    })

    test('may be mounted beside its original under a kernel that knows twins', async () => {
      const sysfs = kernelBefore67(uuid)
      mkdirSync(path.join(sysfs, 'features/temp_fsid'))
      await toldApart(sysfs)
    })
  },
)
