import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

/** A machine whose configuration moves the mount points. */
class MovingWorld extends LoopWorld {
  root = 'volumes'

  override get mountRoot(): string {
    return path.join(this.folder, this.root)
  }
}

describe.skipIf(loopUnavailable !== undefined)('nothing is left that belongs to nobody', () => {
  let world: MovingWorld
  beforeEach(() => {
    world = new MovingWorld()
  })
  afterEach(async () => {
    // Where the pool itself is a mount, a device has another name once that is gone.
    for (const line of await devicesOfWorld())
      await world.tool('losetup', '-d', line.split(' ')[0] ?? '')
    await world.end()
  })

  const ledgerFiles = () =>
    readdirSync(path.join(world.folder, 'ledger')).map((name) =>
      path.join(world.folder, 'ledger', name),
    )
  function rewrite(change: (record: LedgerRecord) => object): void {
    for (const file of ledgerFiles())
      writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))))
  }
  const devicesOfWorld = async () =>
    (await world.tool('losetup', '--list', '--noheadings', '-O', 'NAME,BACK-FILE'))
      .split('\n')
      .filter((line) => line.includes(world.folder))
  const deviceOf = async (name: string) =>
    (await world.tool('losetup', '--noheadings', '-O', 'NAME', '-j', world.diskOf(name))).trim()
  const mountsOfWorld = () =>
    world.mounter.mounts().filter(({ mountPoint }) => mountPoint.startsWith(world.folder))

  async function holdInAnotherNamespace(): Promise<ChildProcess> {
    const holder = spawn('unshare', ['-m', '--propagation', 'private', 'sleep', '60'])
    await new Promise((resolve) => setTimeout(resolve, 200))
    return holder
  }

  test('a mount that took hold only after its server was killed and the next one had looked is released', async () => {
    const first = await world.manager()
    await first.create('data', {})
    await mounted(first, 'data', 'a')
    const [device, place] = [await deviceOf('data'), path.join(world.mountRoot, 'data')]
    await first.close()
    // A mount(2) that waits for its disk holds the device before the mount is seen anywhere.
    const waiting = await holdInAnotherNamespace()
    await world.tool('umount', place)
    rewrite((record) => ({
      ...record,
      references: [],
      mount: { ...record.mount, complete: false },
    }))
    const second = await world.manager()
    second.start()
    await expect
      .poll(() =>
        ledgerFiles()
          .map((file) => readFileSync(file, 'utf8'))
          .join(),
      )
      .toMatch(/releasing/)
    await world.tool('mount', device, place)
    waiting.kill('SIGKILL')
    await new Promise((resolve) => waiting.once('exit', resolve))
    await expect.poll(mountsOfWorld).toEqual([])
    await expect.poll(() => devicesOfWorld()).toEqual([])
  })

  test('a mount that took hold just before the repeated Mount of the next server is that one', async () => {
    const first = await world.manager()
    await first.create('data', {})
    await mounted(first, 'data', 'a')
    await first.unmount({ name: 'data', holder: 'a' })
    await first.close()
    const { mount } = world.mounter
    vi.spyOn(world.mounter, 'mount').mockImplementation(async (...by) => {
      await world.tool('mount', by[0].device, by[1])
      await mount.apply(world.mounter, by)
    })
    const second = await world.manager()
    second.start()
    await mounted(second, 'data', 'a')
    expect(mountsOfWorld()).toHaveLength(1)
    await second.unmount({ name: 'data', holder: 'a' })
    await expect.poll(mountsOfWorld).toEqual([])
    await expect.poll(() => devicesOfWorld()).toEqual([])
  })

  test('a volume that was mounted when mount.path was changed is let go from both places', async () => {
    const before = await world.manager()
    await before.create('data', {})
    await mounted(before, 'data', 'a')
    await before.close()
    world.root = 'moved'
    const after = await world.manager()
    after.start()
    await mounted(after, 'data', 'b')
    await after.unmount({ name: 'data', holder: 'a' })
    await after.unmount({ name: 'data', holder: 'b' })
    await expect.poll(mountsOfWorld).toEqual([])
    await expect.poll(() => devicesOfWorld()).toEqual([])
  })

  describe('the bare mount point of a volume that was mounted when mount.path was changed', () => {
    const lingering = { unmount: { ignoreUsedCount: false, detachDelayMs: 600_000 } }
    const pointAt = (root: string) => path.join(world.folder, root, 'data')
    beforeEach(async () => {
      const before = await world.manager()
      await before.create('data', {})
      await mounted(before, 'data', 'a')
      await before.close()
      world.root = 'moved'
    })

    test('goes when the volume has lingered', async () => {
      const after = await world.manager(lingering)
      after.start()
      await after.unmount({ name: 'data', holder: 'a' })
      expect(existsSync(pointAt('volumes'))).toBe(true)
      await after.close()
      expect(existsSync(pointAt('volumes'))).toBe(false)
    })

    test('goes with that of the new place, where the volume was mounted before it had lingered', async () => {
      const after = await world.manager(lingering)
      after.start()
      await after.unmount({ name: 'data', holder: 'a' })
      await mounted(after, 'data', 'b')
      expect(mountsOfWorld().map(({ mountPoint }) => mountPoint)).toEqual([pointAt('moved')])
      await after.unmount({ name: 'data', holder: 'b' })
      await after.close()
      expect([existsSync(pointAt('volumes')), existsSync(pointAt('moved'))]).toEqual([false, false])
    })

    test('goes also where the device was lost meanwhile', async () => {
      await world.tool('umount', '-l', pointAt('volumes'))
      await world.tool('losetup', '-d', await deviceOf('data'))
      const after = await world.manager()
      after.start()
      await expect
        .poll(() =>
          ledgerFiles()
            .map((file) => readFileSync(file, 'utf8'))
            .join(),
        )
        .toMatch(/"lost"/)
      await after.unmount({ name: 'data', holder: 'a' })
      await mounted(after, 'data', 'b')
      await after.unmount({ name: 'data', holder: 'b' })
      await expect.poll(() => existsSync(pointAt('volumes'))).toBe(false)
    })
  })

  test('the device of a volume whose folder vanished from the pool is let go with its last reference', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    rmSync(path.dirname(world.diskOf('data')), { recursive: true })
    await manager.unmount({ name: 'data', holder: 'a' })
    await expect.poll(() => devicesOfWorld()).toEqual([])
  })

  test('the device of a volume whose folder vanished from the pool is let go also after a restart', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await manager.close()
    rmSync(path.dirname(world.diskOf('data')), { recursive: true })
    const next = await world.manager()
    next.start()
    await next.unmount({ name: 'data', holder: 'a' })
    await expect.poll(mountsOfWorld).toEqual([])
    await expect.poll(() => devicesOfWorld()).toEqual([])
  })

  describe('a pool that was read-only for a while, with a claim of an earlier boot', () => {
    const claim = {
      token: 'aa',
      instance: 'gone',
      since: '2024-05-01T12:00:00.000Z',
      bootId: 'earlier',
      device: { path: '/dev/loop77', diskseq: '1', backingFile: 'x' },
    }
    async function mountWhileReadOnly(fstype: string) {
      const manager = await world.manager()
      await manager.create('data', { fstype })
      await mounted(manager, 'data', 'a')
      await manager.unmount({ name: 'data', holder: 'a' })
      writeFileSync(
        path.join(path.dirname(world.diskOf('data')), 'attachment.json'),
        JSON.stringify(claim),
      )
      const pool = path.join(world.folder, 'loop')
      await world.tool('mount', '--bind', pool, pool)
      await world.tool('mount', '-o', 'remount,bind,ro', pool)
      await expect(mounted(manager, 'data', 'a')).rejects.toThrow('read-only file system')
      return { manager, pool }
    }

    test('no device of a Mount that failed is left', async () => {
      await mountWhileReadOnly('xfs')
      await expect.poll(() => devicesOfWorld()).toEqual([])
    })

    test.each(['ext4', 'xfs', 'btrfs'])(
      '%s is writable in the first Mount after that',
      async (fstype) => {
        const { manager, pool } = await mountWhileReadOnly(fstype)
        await world.tool('mount', '-o', 'remount,bind,rw', pool)
        const folder = await mounted(manager, 'data', 'a')
        writeFileSync(path.join(folder, 'file'), 'kept')
      },
    )
  })

  test('what was written to a new file system by hand, before the repeat of a Mount, is not formatted away', async () => {
    const first = await world.manager({
      unmount: { ignoreUsedCount: false, detachDelayMs: 600_000 },
    })
    await first.create('data', {})
    await mounted(first, 'data', 'a')
    await first.unmount({ name: 'data', holder: 'a' })
    const device = await deviceOf('data')
    // As a server leaves it that was killed between the end of mkfs and its next line in the ledger.
    await world.tool('mkfs.ext4', '-q', '-F', '-U', 'ae7e0e1d-3c0f-4d44-9f4f-6f0a1c8f5a11', device)
    rewrite((record) => ({
      ...record,
      mount: undefined,
      formatIntent: {
        fsType: 'ext4',
        uuid: 'ae7e0e1d-3c0f-4d44-9f4f-6f0a1c8f5a11',
        attachedSince: record.attachment?.since,
      },
    }))
    const byHand = path.join(world.folder, 'by-hand')
    mkdirSync(byHand)
    await world.tool('mount', device, byHand)
    mkdirSync(path.join(byHand, 'data'))
    writeFileSync(path.join(byHand, 'data/file'), 'precious')
    await world.tool('umount', byHand)
    const folder = await mounted(await world.manager(), 'data', 'a')
    expect(existsSync(path.join(folder, 'file'))).toBe(true)
  })
})
