import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { linkDirectory, prepareMountPoint } from '../../../src/mount/linux/mount-points.ts'
import { Pool } from '../../../src/providers/pool/pool.ts'
import { PoolTurns } from '../../../src/providers/pool/pool-turns.ts'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

/** Whatever hangs until this has come has held up the whole process, which could not thaw it. */
const RESCUE = 'sleep "$1"; touch "$2"; fsfreeze -u "$3"'

describe.skipIf(!canMount || !has('mkfs.ext4', 'fsfreeze'))(
  'a folder on a file system that hangs is made without holding up anything else (root):',
  () => {
    let world: KernelWorld
    let folder: string
    let rescue: ChildProcess | undefined
    beforeEach(async () => {
      world = new KernelWorld()
      folder = await world.mount(await world.formatted('ext4', 64), 'frozen')
      await tool('fsfreeze', '-f', folder)
      rescue = spawn('sh', ['-c', RESCUE, 'sh', '10', world.path('rescued'), folder])
    })
    afterEach(async () => {
      rescue?.kill('SIGKILL')
      await tool('fsfreeze', '-u', folder).catch(() => {})
      await world.end()
    })

    test.each<[string, (below: string) => Promise<unknown>]>([
      ['a mount point', (below) => prepareMountPoint(below, run)],
      ['a link to a directory volume', (below) => linkDirectory('/nowhere', below)],
      [
        'a pool',
        (below) => {
          const pool = new Pool(below, 'disk', {
            run,
            turns: new PoolTurns(below),
            memory: `${folder}/memory`,
          })
          return pool.open({ parents: true })
        },
      ],
    ])('%s', async (_what, make) => {
      const making = make(`${folder}/a/b`)
      making.catch(() => {})
      for (let turn = 0; turn < 20; turn++) await nextTurn()
      expect(existsSync(world.path('rescued'))).toBe(false)
      await tool('fsfreeze', '-u', folder)
      await making
    })
  },
)
