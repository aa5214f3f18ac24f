import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { canMount, has, tool } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

const isMounted = (at: string) => world.mounter.mounts().some(({ mountPoint }) => mountPoint === at)

describe.skipIf(!canMount)('mounting (root)', () => {
  test.each(['ext2', 'ext3', 'ext4'])(
    'an %s makes it the file system at its place',
    async (fsType) => {
      const device = await world.formatted(fsType, 16)
      const at = world.folder('mnt')
      await world.mounter.mount({ device }, at, fsType, ['noatime'])
      const entry = world.mounter.mounts().find(({ mountPoint }) => mountPoint === at)
      expect(entry).toMatchObject({ source: device, failedReadOnly: false })
      expect(await tool('findmnt', '-no', 'OPTIONS', at)).toContain('noatime')
    },
  )

  test.skipIf(!has('mkfs.xfs'))('two xfs of one UUID, as clones have it, is possible', async () => {
    const image = world.image(320)
    await tool('mkfs.xfs', '-q', image)
    const clone = world.path('clone.img')
    await tool('cp', '--sparse=always', image, clone)
    for (const [index, file] of [image, clone].entries())
      await world.mounter.mount(
        { device: await world.disk(file) },
        world.folder(`mnt-${index}`),
        'xfs',
        [],
      )
    expect(isMounted(world.path('mnt-0')) && isMounted(world.path('mnt-1'))).toBe(true)
  })

  test('what the kernel does not take is refused with what it says', async () => {
    const device = await world.formatted('ext4', 16)
    const at = world.folder('mnt')
    await expect(world.mounter.mount({ device }, at, 'ext4', ['bogus'])).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `the ext4 file system on ${device} cannot be mounted: wrong fs type, bad option, bad superblock on ${device}, missing codepage or helper program, or other error, see the kernel log (dmesg)`,
    })
    expect(isMounted(at)).toBe(false)
  })

  test.skipIf(!has('mkfs.xfs', 'xfs_db'))(
    'an xfs that needs cleaning is refused with the command that repairs',
    async () => {
      const image = world.image(320)
      await tool('mkfs.xfs', '-q', image)
      await tool('xfs_db', '-x', '-c', 'sb 0', '-c', 'write -d agcount 77', image)
      const device = await world.disk(image)
      await expect(world.mounter.mount({ device }, world.folder('mnt'), 'xfs', [])).rejects.toThrow(
        new RegExp(
          `needs cleaning.*, attach the volume and repair it with xfs_repair on its device \\(it was ${device}\\)$`,
        ),
      )
    },
  )
})

describe.skipIf(!canMount)('unmounting (root)', () => {
  test('ends the mount, and a repeat finds it as it should be', async () => {
    const at = await world.mount(await world.formatted('ext4', 16), 'a b')
    expect(await world.mounter.unmount(at)).toBe('unmounted')
    expect(isMounted(at)).toBe(false)
    expect(await world.mounter.unmount(at)).toBe('unmounted')
    expect(await world.mounter.unmount(world.path('never'))).toBe('unmounted')
  })

  test('is refused as busy while a file is open there, and changes nothing', async () => {
    const at = await world.mount(await world.formatted('ext4', 16), 'mnt')
    await world.program('sh', '-c', 'cd "$1"; echo ready; read -r end', 'sh', at)
    expect(await world.mounter.unmount(at)).toBe('busy')
    expect(isMounted(at)).toBe(true)
  })

  test('takes the topmost of two mounts only', async () => {
    const at = await world.mount(await world.formatted('ext4', 16), 'mnt')
    await world.mount(await world.formatted('ext4', 16), 'mnt')
    expect(await world.mounter.unmount(at)).toBe('unmounted')
    expect(isMounted(at)).toBe(true)
  })
})

describe.skipIf(!canMount || !has('chattr', 'lsattr'))('a mount point (root, chattr)', () => {
  /** On a file system that knows the attribute, whatever the machine's own is. */
  async function place(...parts: readonly string[]): Promise<string> {
    await world.mount(await world.formatted('ext4', 16), 'host')
    return world.path('host', ...parts)
  }

  test('is made with all above it, and nothing can be written to it while it is bare', async () => {
    const at = await place('volumes', 'service', 'data')
    await world.mounter.prepareMountPoint(at)
    expect(statSync(at).mode & 0o777).toBe(0o755)
    expect(() => writeFileSync(`${at}/file`, '')).toThrow('EPERM')
    expect(() => mkdirSync(`${at}/data`)).toThrow('EPERM')
  })

  test('can be mounted on, and then written', async () => {
    const at = await place('data')
    await world.mounter.prepareMountPoint(at)
    const device = await world.formatted('ext4', 16)
    await world.mounter.mount({ device }, at, 'ext4', [])
    writeFileSync(`${at}/file`, 'x')
    await world.mounter.unmount(at)
    expect(existsSync(`${at}/file`)).toBe(false)
  })

  test('may be prepared twice', async () => {
    const at = await place('data')
    await world.mounter.prepareMountPoint(at)
    await world.mounter.prepareMountPoint(at)
    expect(await tool('lsattr', '-d', at)).toMatch(/^-*i/)
  })

  test('is removed when it is bare, and a repeat is no error', async () => {
    const at = await place('data')
    await world.mounter.prepareMountPoint(at)
    await world.mounter.removeMountPoint(at)
    await world.mounter.removeMountPoint(at)
    expect(existsSync(at)).toBe(false)
  })

  test('is not removed with anything in it', async () => {
    const at = await place('data')
    mkdirSync(at)
    writeFileSync(`${at}/precious`, 'x')
    await world.mounter.prepareMountPoint(at)
    await world.mounter.removeMountPoint(at)
    expect(readFileSync(`${at}/precious`, 'utf8')).toBe('x')
  })

  test('is not removed while something is mounted there', async () => {
    const at = await place('data')
    await world.mounter.prepareMountPoint(at)
    await world.mounter.mount({ device: await world.formatted('ext4', 16) }, at, 'ext4', [])
    await world.mounter.removeMountPoint(at)
    expect(isMounted(at)).toBe(true)
  })

  test('lies as well on a file system that does not know the attribute', async () => {
    const at = world.path('memory', 'data')
    await world.mount('tmpfs', 'memory', '-t', 'tmpfs')
    await world.mounter.prepareMountPoint(at)
    await world.mounter.removeMountPoint(at)
    expect(existsSync(at)).toBe(false)
  })
})
