import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/libstorage/run.ts'
import { loopStatus } from '../../src/providers/loop/losetup.ts'
import { pull } from '../../src/providers/loop/pull.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'
import { until } from '../support/two-machines.ts'

const perlIsMissing = spawnSync('sh', ['-c', 'command -v perl']).status !== 0

describe.skipIf(loopUnavailable !== undefined || perlIsMissing)(
  'a real disk that is pulled',
  () => {
    let world: LoopWorld
    beforeEach(() => {
      world = new LoopWorld()
    })
    afterEach(() => world.end())

    test.each(['ext4', 'xfs', 'btrfs'])(
      'under %s is noticed by sysfs alone: its mount goes, and what is mounted next is whole',
      async (fstype) => {
        const manager = await world.manager()
        manager.start()
        await manager.create('data', { fstype })
        const folder = await mounted(manager, 'data', 'a')
        writeFileSync(path.join(folder, 'file'), 'kept', { flush: true })
        const mountPoint = path.join(world.mountRoot, 'data')
        const device = world.mounter
          .mounts()
          .find((entry) => entry.mountPoint === mountPoint)?.source
        expect(world.mounter.deviceIdentity(device ?? '')).toMatch(/^diskseq \d+$|^\d+:\d+$/)
        const status = loopStatus(device ?? '')
        if (device === undefined || status === undefined) throw new Error('there is no device')
        await pull(run, 'data', { path: device, status })
        await until(() => world.events.some(({ kind }) => kind === 'lost'))
        expect(world.mounter.mounts().some((entry) => entry.mountPoint === mountPoint)).toBe(false)
        await mounted(manager, 'data', 'b')
        expect(existsSync(path.join(folder, 'file'))).toBe(true)
        await manager.unmount({ name: 'data', holder: 'a' })
        await manager.unmount({ name: 'data', holder: 'b' })
        expect(await world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
      },
    )
  },
)

test('what is no disk has no identity', async () => {
  const world = new LoopWorld()
  try {
    expect(world.mounter.deviceIdentity(world.folder)).toBeUndefined()
    expect(world.mounter.deviceIdentity('/dev/no-such-device')).toBeUndefined()
  } finally {
    await world.end()
  }
})
