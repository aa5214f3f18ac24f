import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)('on the real kernel with loop devices', () => {
  let world: LoopWorld
  beforeEach(() => {
    world = new LoopWorld()
  })
  afterEach(() => world.end())

  test.each(['ext4', 'xfs', 'btrfs'])(
    '%s: data written by one container is there for the next',
    async (fstype) => {
      const manager = await world.manager()
      await manager.create('data', { fstype, uid: '999', mode: '0700' })
      const folder = await mounted(manager, 'data', 'a')
      expect(folder).toBe(path.join(world.mountRoot, 'data/data'))
      expect(statSync(folder).uid).toBe(999)
      expect(statSync(folder).mode & 0o777).toBe(0o700)
      writeFileSync(path.join(folder, 'file'), 'kept')
      await manager.unmount({ name: 'data', holder: 'a' })
      expect(existsSync(path.join(world.mountRoot, 'data'))).toBe(false)
      expect((await manager.get('data')).mountpoint).toBeUndefined()
      expect(await world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
      await mounted(manager, 'data', 'b')
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
      const types = world.mounter
        .mounts()
        .filter(({ mountPoint }) => mountPoint.startsWith(world.folder))
      expect(types.map((entry) => entry.fsType)).toEqual([fstype])
    },
  )

  test('mount options are tried when they are first seen, and a wrong one is named', async () => {
    const manager = await world.manager()
    await expect(manager.create('data', { mountopts: 'noatime,nonsense' })).rejects.toThrow(
      'mount option "nonsense" is not one that ext4 takes',
    )
    await expect(manager.get('data')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    await manager.create('data', { mountopts: 'noatime' })
    await mounted(manager, 'data', 'a')
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toMatch(
      new RegExp(`${world.mountRoot}/data rw,noatime`),
    )
  })

  test('the bare mount point is immutable, and the volume survives that it is missing', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await world.tool('umount', path.join(world.mountRoot, 'data'))
    expect(() => writeFileSync(path.join(world.mountRoot, 'data/stray'), '')).toThrow()
    expect(await manager.path('data')).toBeUndefined()
    await mounted(manager, 'data', 'b')
    expect(await manager.path('data')).toBe(path.join(world.mountRoot, 'data/data'))
  })

  test('a device held in a mount namespace that we cannot see is not detached, and joined by the next Mount', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const container = spawn('unshare', ['-m', '--propagation', 'private', 'sleep', '60'])
    await expect.poll(async () => (await manager.get('data')).mount?.holders).toEqual(['a'])
    const namespaceOf = (process: string | number) => readlinkSync(`/proc/${process}/ns/mnt`)
    await expect
      .poll(() => namespaceOf(container.pid ?? 'none') !== namespaceOf('self'), { timeout: 10_000 })
      .toBe(true)
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(await world.tool('losetup', '-j', world.diskOf('data'))).not.toBe('')
    await expect(manager.remove('data')).rejects.toThrow(/in use by pid \d+ \(sleep\)/)
    await mounted(manager, 'data', 'b')
    container.kill('SIGKILL')
    await new Promise((resolve) => container.once('exit', resolve))
    await manager.unmount({ name: 'data', holder: 'b' })
    await expect.poll(() => world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
  })
})
