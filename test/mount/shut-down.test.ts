import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { has } from '../support/disk-world.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined || !has('mkfs.xfs', 'xfs_io'))(
  'an xfs that an error has shut down',
  () => {
    let world: LoopWorld
    beforeEach(() => {
      world = new LoopWorld()
    })
    afterEach(() => world.end())

    const filled = async () => {
      const manager = await world.manager()
      await manager.create('data', { fstype: 'xfs' })
      const folder = await mounted(manager, 'data', 'a')
      writeFileSync(path.join(folder, 'file'), 'kept', { flush: true })
      return { manager, folder }
    }
    const shut = () =>
      world.tool('xfs_io', '-x', '-c', 'shutdown', path.join(world.mountRoot, 'data'))

    test('is mounted afresh by the next Mount where nobody holds it', async () => {
      const { manager, folder } = await filled()
      await shut()
      expect(() => readFileSync(path.join(folder, 'file'))).toThrow('EIO')
      await mounted(manager, 'data', 'b')
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
    })

    test('is given to nobody else while a container holds it, and who that is is said', async () => {
      const { manager } = await filled()
      const container = spawn(
        'unshare',
        ['--mount', '--propagation', 'private', 'sh', '-c', 'echo ready; read -r end'],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      )
      const ended = new Promise((resolve) => container.once('exit', resolve))
      try {
        await new Promise((resolve) => container.stdout.once('data', resolve))
        await shut()
        await expect(mounted(manager, 'data', 'b')).rejects.toThrow(
          new RegExp(`is in use by pid ${container.pid} .*its file system died`),
        )
      } finally {
        container.kill('SIGKILL')
        await ended
      }
    })
  },
)
