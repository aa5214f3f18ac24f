import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { poll } from '../../../src/libstorage/wait.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

const good = {
  ext4: ['noatime', 'data=ordered', 'discard'],
  xfs: ['noatime', 'logbsize=64k', 'inode64'],
  btrfs: ['noatime', 'compress=zstd:3', 'nodatacow'],
} as const

for (const fsType of ['ext4', 'xfs', 'btrfs'] as const) {
  const possible = canMount && has(`mkfs.${fsType}`, 'unshare')
  describe.skipIf(!possible)(`trying mount options of ${fsType} (root, mkfs.${fsType})`, () => {
    let world: KernelWorld
    beforeEach(() => {
      world = new KernelWorld()
    })
    afterEach(() => world.end())
    const attempt = (...options: readonly string[]) =>
      world.mounter.tryMountOptions(fsType, options)
    const scratch = () => world.path('scratch')

    async function expectNothingLeft(): Promise<void> {
      expect(readdirSync(scratch())).toEqual([])
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(scratch())
      const freed = await poll(
        async () =>
          !(await tool('losetup', '--list', '-nO', 'BACK-FILE')).includes(scratch()) || undefined,
        { intervalMs: 20, timeoutMs: 5_000 },
      )
      expect(freed).toBe(true)
    }

    test('passes what the kernel takes, and leaves nothing', async () => {
      await expect(attempt(...good[fsType])).resolves.toBeUndefined()
      await expectNothingLeft()
    })

    test('passes none', async () => {
      await expect(attempt()).resolves.toBeUndefined()
    })

    test('names the wrong one, and leaves nothing', async () => {
      await expect(attempt(...good[fsType], 'bogus=1')).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: `mount option "bogus=1" is not one that ${fsType} takes, correct it in mountopts, or leave it out`,
      })
      await expectNothingLeft()
    })

    test('names an option whose value is wrong', async () => {
      const wrong = { ext4: 'data=sideways', xfs: 'logbsize=3', btrfs: 'compress=shredder' }[fsType]
      await expect(attempt('noatime', wrong)).rejects.toThrow(`mount option "${wrong}" is not`)
    })
  })
}
