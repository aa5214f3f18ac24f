import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { leftoverName } from '../../../src/libstorage/leftover.ts'
import { identifySelf } from '../../../src/libstorage/process-identity.ts'
import { sweepLinks } from '../../../src/mount/linux/mount-points.ts'
import type { DataFolder } from '../../../src/mount/mounter.ts'
import { canMount } from '../../support/disk-world.ts'
import { KernelWorld } from '../../support/kernel-world.ts'

let world: KernelWorld
beforeEach(() => {
  world = new KernelWorld()
})
afterEach(() => world.end())

function folderOn(mountPoint: string, changed: Partial<DataFolder> = {}): DataFolder {
  return {
    path: `${mountPoint}/data`,
    mountPoint,
    mode: 0o755,
    uid: undefined,
    gid: undefined,
    enforcedMode: undefined,
    onMount: true,
    fresh: false,
    ...changed,
  }
}
const modeOf = (at: string) => statSync(at).mode & 0o7777

describe.skipIf(!canMount)('the folder that containers get (root)', () => {
  let at: string
  beforeEach(async () => {
    at = await world.mount(await world.formatted('ext4', 16), 'mnt')
  })
  const prepare = (changed: Partial<DataFolder> = {}) =>
    world.mounter.prepareDataFolder(folderOn(at, changed))

  test('is made with its bits, whatever the umask, and its owner', async () => {
    await prepare({ mode: 0o2775, uid: 999, gid: 998 })
    expect(statSync(`${at}/data`)).toMatchObject({ uid: 999, gid: 998 })
    expect(modeOf(`${at}/data`)).toBe(0o2775)
    expect(readdirSync(at).sort()).toEqual(['data', 'lost+found'])
  })

  test.each([
    [{ uid: 999 }, { uid: 999, gid: 0 }],
    [{ gid: 998 }, { uid: 0, gid: 998 }],
    [{}, { uid: 0, gid: 0 }],
  ])('has the owner that is said of it: %o', async (said, owner) => {
    await prepare(said)
    expect(statSync(`${at}/data`)).toMatchObject(owner)
  })

  test('may lie deeper, with an odd name', async () => {
    await prepare({ path: `${at}/a b/-c/$d` })
    expect(statSync(`${at}/a b/-c/$d`).isDirectory()).toBe(true)
  })

  test('is kept as it is where it exists: its bits and owner are its user`s', async () => {
    mkdirSync(`${at}/data`)
    chmodSync(`${at}/data`, 0o700)
    writeFileSync(`${at}/data/row`, 'x')
    await prepare({ mode: 0o755, uid: 999 })
    expect(modeOf(`${at}/data`)).toBe(0o700)
    expect(statSync(`${at}/data`).uid).toBe(0)
    expect(readFileSync(`${at}/data/row`, 'utf8')).toBe('x')
  })

  test('gets at every mount the bits that are configured to be enforced', async () => {
    mkdirSync(`${at}/data`, { mode: 0o700 })
    await prepare({ enforcedMode: 0o770 })
    expect(modeOf(`${at}/data`)).toBe(0o770)
  })

  test('is made anew where a crash left it half made, and nothing of the user is touched for it', async () => {
    const left = leftoverName('folder', { ...identifySelf(), startTime: '1' })
    mkdirSync(`${at}/${left}`)
    mkdirSync(`${at}/data.new/precious`, { recursive: true })
    await prepare({ uid: 999 })
    expect(statSync(`${at}/data`).uid).toBe(999)
    expect(readdirSync(at).sort()).toEqual(['data', 'data.new', 'lost+found'])
    expect(readdirSync(`${at}/data.new`)).toEqual(['precious'])
  })

  test('is refused where it is a link that leads out of the volume', async () => {
    symlinkSync('/etc', `${at}/data`)
    await expect(prepare({ enforcedMode: 0o777 })).rejects.toThrow('is a link or a file')
    expect(modeOf('/etc')).toBe(0o755)
  })

  test('is refused below such a link, before anything is made or changed where that leads', async () => {
    const outside = world.folder('outside')
    symlinkSync(outside, `${at}/app`)
    const deep = { path: `${at}/app/deep/data`, mode: 0o777, uid: 999 }
    await expect(prepare(deep)).rejects.toThrow('is a link or a file')
    expect(readdirSync(outside)).toEqual([])
  })

  test('may be the root of the file system, which has bits and owner only when it is new', async () => {
    await prepare({ path: at, mode: 0o750, uid: 999 })
    expect(statSync(at).uid).toBe(0)
    await prepare({ path: at, mode: 0o750, uid: 999, fresh: true })
    expect(modeOf(at)).toBe(0o750)
    expect(statSync(at).uid).toBe(999)
  })

  test('is not made where a file is in its way, and the file stays', async () => {
    writeFileSync(`${at}/data`, 'precious')
    await expect(prepare()).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `folder ${at}/data is a link or a file, and would give containers something other than the volume, make it a folder`,
    })
    expect(readFileSync(`${at}/data`, 'utf8')).toBe('precious')
  })

  test('is not made on the disk below, where the volume is not mounted', async () => {
    const bare = world.folder('bare')
    await expect(world.mounter.prepareDataFolder(folderOn(bare))).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
      message: `mount at ${bare} not found`,
    })
    expect(readdirSync(bare)).toEqual([])
  })

  test('is not made where there is not even a mount point', async () => {
    const nowhere = world.path('nowhere')
    await expect(world.mounter.prepareDataFolder(folderOn(nowhere))).rejects.toThrow()
    expect(existsSync(nowhere)).toBe(false)
  })
})

describe('a directory volume', () => {
  test('is shown at its mount point by a link, made with all above it', async () => {
    const directory = world.folder('pool', 'data')
    const at = world.path('volumes', 'service', 'data')
    await world.mounter.linkDirectory(directory, at)
    expect(await world.mounter.linkedDirectory(at)).toBe(directory)
    writeFileSync(`${at}/file`, 'x')
    expect(readFileSync(`${directory}/file`, 'utf8')).toBe('x')
    expect(readdirSync(world.path('volumes', 'service'))).toEqual(['data'])
  })

  test('leaves no link behind that a dead process prepared, and of others everything', () => {
    const folder = world.folder('volumes')
    const dead = { ...identifySelf(), startTime: '1' }
    const [left, mounted] = [leftoverName('link', dead), leftoverName('link', dead)]
    symlinkSync('/nowhere', path.join(folder, left))
    mkdirSync(path.join(folder, mounted))
    symlinkSync('/nowhere', path.join(folder, leftoverName('link')))
    symlinkSync('/nowhere', path.join(folder, 'theirs'))
    sweepLinks(folder)
    expect(readdirSync(folder)).toHaveLength(3)
    expect(readdirSync(folder)).not.toContain(left)
  })

  test('takes the place of an older link of its own pool that leads nowhere', async () => {
    const directory = world.folder('pool', 'data', 'files')
    const at = world.path('data')
    symlinkSync(world.path('pool/gone/files'), at)
    await world.mounter.linkDirectory(directory, at)
    await world.mounter.linkDirectory(directory, at)
    expect(await world.mounter.linkedDirectory(at)).toBe(directory)
  })

  test('does not take the place of a link that somebody else made', async () => {
    symlinkSync('/etc', world.path('data'))
    const linking = world.mounter.linkDirectory(
      world.folder('pool', 'data', 'files'),
      world.path('data'),
    )
    await expect(linking).rejects.toThrow('it was not made by this program')
  })

  test('takes the place of nothing else', async () => {
    const at = world.folder('mnt')
    writeFileSync(`${at}/precious`, 'x')
    await expect(world.mounter.linkDirectory(world.folder('pool'), at)).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: `${at} is in the way: it was not made by this program, move it elsewhere`,
    })
    await world.mounter.unlinkDirectory(at)
    expect(readFileSync(`${at}/precious`, 'utf8')).toBe('x')
  })

  test('is no longer shown when its link is taken away, and keeps what is in it', async () => {
    const directory = world.folder('pool', 'data')
    writeFileSync(`${directory}/precious`, 'x')
    const at = world.path('data')
    await world.mounter.linkDirectory(directory, at)
    await world.mounter.unlinkDirectory(at)
    await world.mounter.unlinkDirectory(at)
    expect(await world.mounter.linkedDirectory(at)).toBeUndefined()
    expect(readFileSync(`${directory}/precious`, 'utf8')).toBe('x')
  })

  test('has its folder made beneath a directory that is no mount', async () => {
    const at = world.folder('mnt')
    await world.mounter.prepareDataFolder(folderOn(at, { onMount: false, mode: 0o700 }))
    expect(modeOf(`${at}/data`)).toBe(0o700)
  })
})
