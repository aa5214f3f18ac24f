import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../src/libstorage/errors.ts'
import { run } from '../../src/libstorage/run.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { has } from '../support/disk-world.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

const GIB = 2 ** 30
/** What the tables of an empty file system may take of it. */
const TABLES = 0.15 * GIB

const capabilities =
  /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
/** CAP_SYS_RESOURCE is bit 24 (capabilities(7)). */
const mayGrowMountedExt = ((BigInt(`0x${capabilities}`) >> 24n) & 1n) === 1n

describe.skipIf(loopUnavailable !== undefined)('growth on the real kernel', () => {
  let world: LoopWorld
  let manager: MountManager
  beforeEach(async () => {
    world = new LoopWorld()
    manager = await world.manager()
  })
  afterEach(() => world.end())

  const release = () => manager.unmount({ name: 'data', holder: 'a' })
  const kinds = () => world.events.map(({ kind }) => kind)

  async function sizeOf(folder: string): Promise<number> {
    const { usedBytes, freeBytes } = await world.mounter.usage(path.dirname(folder))
    return usedBytes + freeBytes
  }

  async function expectGrown(folder: string, sizeGiB: number): Promise<void> {
    const size = await sizeOf(folder)
    expect(size).toBeGreaterThan(sizeGiB * GIB - TABLES * sizeGiB)
    expect(size).toBeLessThanOrEqual(sizeGiB * GIB)
  }

  /** A volume with a file system that was used once. */
  async function used(fstype: string): Promise<string> {
    await manager.create('data', { fstype })
    const folder = await mounted(manager, 'data', 'a')
    writeFileSync(path.join(folder, 'file'), 'kept')
    return folder
  }

  test.each(['ext4', 'xfs', 'btrfs'])(
    '%s: a volume that was made larger is grown by its next Mount, once, with its data',
    async (fstype) => {
      const folder = await used(fstype)
      await release()
      expect(await manager.resize('data', 3)).toMatchObject({ volume: { sizeGiB: 3 } })
      expect(kinds()).not.toContain('grown')
      await mounted(manager, 'data', 'a')
      await expectGrown(folder, 3)
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
      expect((await manager.get('data')).lastError).toBeUndefined()
      await release()
      await mounted(manager, 'data', 'a')
      expect(kinds().filter((kind) => kind === 'grown')).toHaveLength(1)
      expect(kinds()).not.toContain('failed')
    },
  )

  test.each(['xfs', 'btrfs'])(
    '%s: a mounted volume is grown at once, under its users',
    async (fstype) => {
      const folder = await used(fstype)
      const view = await manager.resize('data', 2)
      expect(view).toMatchObject({ volume: { sizeGiB: 2 }, mountpoint: folder })
      expect(view.lastError).toBeUndefined()
      await expectGrown(folder, 2)
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
      expect(world.events.at(-1)).toMatchObject({ kind: 'grown', volume: 'data' })
      expect((await manager.get('data')).volume.sizeGiB).toBe(2)
    },
  )

  test.skipIf(mayGrowMountedExt)(
    'ext4: where the kernel does not let us grow it mounted, that is said, and the next Mount grows it',
    async () => {
      const folder = await used('ext4')
      const view = await manager.resize('data', 2)
      expect(view.volume.sizeGiB).toBe(2)
      expect(view.lastError).toMatch(
        /^the ext4 file system on \/dev\/loop\d+ was not grown: the kernel grows a mounted ext only for CAP_SYS_RESOURCE, it is grown when it is mounted next$/,
      )
      expect(world.events.at(-1)).toMatchObject({ kind: 'failed', cause: view.lastError })
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
      await release()
      await mounted(manager, 'data', 'a')
      await expectGrown(folder, 2)
      expect((await manager.get('data')).lastError).toBeUndefined()
    },
  )

  test('a growth that was cut short between the device and the file system is finished by the next Mount', async () => {
    const folder = await used('ext4')
    await release()
    await manager.resize('data', 2)
    // What is left of a resize2fs that was killed: marked as with errors, half of the groups there.
    await mounted(manager, 'data', 'a')
    await release()
    await manager.resize('data', 4)
    const device = (await world.tool('losetup', '--find', '--show', world.diskOf('data'))).trim()
    await world.tool('e2fsck', '-f', '-p', device)
    const killed = await run(
      'sh',
      ['-c', 'resize2fs "$0" & pid=$!; kill -KILL $pid; wait $pid', device],
      { timeoutMs: 30_000 },
    )
    expect(killed.exitCode).not.toBe(0)
    await world.tool('losetup', '-d', device)
    await mounted(manager, 'data', 'b')
    await expectGrown(folder, 4)
    expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
  })

  test.skipIf(!has('strace'))(
    'a resize2fs that is killed in mid-write leaves what nobody mounts, here or elsewhere, until it is repaired',
    async () => {
      const folder = await used('ext4')
      await release()
      await manager.resize('data', 3)
      const { grow } = world.mounter
      const atTenthWrite = '-e inject=pwrite64:signal=SIGKILL:when=10'
      const killed = `strace -f -o /dev/null -e trace=pwrite64 ${atTenthWrite} resize2fs "$0"`
      world.mounter.grow = async ({ device }) => {
        await run('sh', ['-c', killed, device], { timeoutMs: 30_000 })
        throw new FailedPreconditionError({ subject: 'resize2fs', problem: 'was killed' })
      }
      const refusal =
        /needs repair: e2fsck says "data: UNEXPECTED INCONSISTENCY.*repair it with e2fsck -f on its device/
      await expect(mounted(manager, 'data', 'a')).rejects.toThrow(refusal)
      world.mounter.grow = grow
      await expect(mounted(manager, 'data', 'a')).rejects.toThrow(refusal)
      const place = path.dirname(folder)
      expect(world.mounter.mounts().map(({ mountPoint }) => mountPoint)).not.toContain(place)
      const disk = world.diskOf('data')
      const elsewhere = await run('e2fsck', ['-p', disk], { timeoutMs: 30_000 })
      expect(elsewhere.exitCode).toBe(4)
      await run('e2fsck', ['-f', '-y', disk], { timeoutMs: 30_000 })
      await mounted(manager, 'data', 'a')
      await expectGrown(folder, 3)
      expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
    },
  )

  test('a smaller size is refused, a repeat succeeds, and an unknown volume is not found', async () => {
    await manager.create('data', { size: '2' })
    await expect(manager.resize('data', 1)).rejects.toThrow(
      'volume "data" has 2 GiB and cannot be given 1: a volume never shrinks',
    )
    expect((await manager.resize('data', 2)).volume.sizeGiB).toBe(2)
    await expect(manager.resize('none', 2)).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })

  test('what one process made larger, another one tells of', async () => {
    await used('xfs')
    const command = await world.manager({}, 'command')
    await command.resize('data', 3)
    expect((await manager.get('data')).volume.sizeGiB).toBe(3)
    await release()
    await mounted(manager, 'data', 'a')
    expect((await manager.get('data')).volume.sizeGiB).toBe(3)
  })
})
