import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

/** As the mounter makes them. */
const MAKERS = {
  ext4: (uuid: string) => ['-q', '-F', '-m0', '-E', 'nodiscard,lazy_itable_init=1', '-U', uuid],
  xfs: (uuid: string) => ['-q', '-f', '-K', '-m', `uuid=${uuid}`],
  btrfs: (uuid: string) => ['-q', '-f', '-K', '-U', uuid],
}
/** Every so many writes, and each of the last ones, mkfs is killed. */
const STEP = 9

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

function traced(inject: readonly string[], command: string, args: readonly string[]): number {
  const trace = world.path('trace')
  spawnSync('strace', ['-f', '-e', 'trace=pwrite64', ...inject, '-o', trace, command, ...args])
  const writes = readFileSync(trace, 'utf8').split('\n')
  rmSync(trace)
  return writes.filter((line) => line.includes('pwrite64(')).length
}

describe.each(Object.entries(MAKERS))(
  'a mkfs.%s that is killed at one of its writes',
  (fsType, options) => {
    const possible = canMount && has(`mkfs.${fsType}`, 'strace', 'blkid', 'od')

    test.skipIf(!possible)(
      'leaves nothing that counts as a finished file system',
      async () => {
        const uuid = randomUUID()
        const make = (inject: readonly string[]) => {
          const image = world.image(320)
          return { image, writes: traced(inject, `mkfs.${fsType}`, [...options(uuid), image]) }
        }
        const { writes } = make([])
        const points = Array.from({ length: writes }, (_, index) => index + 1)
        const finished: number[] = []
        for (const at of points.filter((one) => one % STEP === 1 || one > writes - 3)) {
          const { image } = make(['-e', `inject=pwrite64:signal=SIGKILL:when=${at}`])
          const content = await world.mounter.identify(image)
          if (content.kind === 'nothing') continue
          expect(content).toEqual({ kind: 'file-system', fsType, uuid })
          if (!(await world.mounter.isFinished(image, fsType))) continue
          // The copies of the superblock are all that is missing.
          if (fsType === 'btrfs') await tool('btrfs', 'check', '--readonly', image)
          else finished.push(at)
        }
        expect(finished).toEqual([])
      },
      60_000,
    )

    test.skipIf(!possible)('is finished where it came to its end', async () => {
      const image = world.image(320)
      traced([], `mkfs.${fsType}`, [...options(randomUUID()), image])
      expect(await world.mounter.isFinished(image, fsType)).toBe(true)
    })
  },
)
