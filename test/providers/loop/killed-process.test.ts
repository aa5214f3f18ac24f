import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError, NotFoundError } from '../../../src/libstorage/errors.ts'
import { run } from '../../../src/libstorage/run.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { loopStatus } from '../../../src/providers/loop/losetup.ts'
import { PoolWorld, sh } from '../../support/pool-world.ts'

const unavailable = await loopDefinition.unavailable()

describe.skipIf(unavailable !== undefined)('loop devices and the claims on them', () => {
  let world: PoolWorld
  let here: Provider
  let there: Provider
  let id: string
  let disk: string

  beforeEach(async () => {
    world = await PoolWorld.make()
    here = await world.provider(loopDefinition, 'here')
    there = await world.provider(loopDefinition, 'there')
    id = (await here.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })).id
    disk = join(world.pool, 'data', 'disk')
  })
  afterEach(() => world.cleanup())

  const devices = async () =>
    (await sh('losetup', '--noheadings', '--raw', '-O', 'NAME', '-j', disk))
      .split('\n')
      .filter(Boolean)
  const claimFile = () => join(world.pool, 'data', 'attachment.json')

  async function attach(provider = here, instance = 'here') {
    const attachment = await provider.driver.attachVolume(id, instance)
    const device = await provider.executor.device(attachment)
    return { attachment, device: device ?? '' }
  }

  test('a volume is a sparse file of its size, and so is its device', async () => {
    const { size, blocks } = await stat(disk)
    expect([size, blocks]).toEqual([2 ** 30, 0])
    const { device } = await attach()
    expect(await sh('blockdev', '--getsize64', device)).toBe(String(2 ** 30))
    expect(await readFile(`/sys/block/${basename(device)}/loop/dio`, 'utf8')).toBe('1\n')
  })

  test('a device whose maker died before it claimed is taken over, and stays the only one', async () => {
    const left = await sh('losetup', '--find', '--show', disk)
    const { device } = await attach()
    expect(device).toBe(left)
    expect(await devices()).toEqual([left])
  })

  test('a device that nobody claimed is freed by a detach, which a repeat finds done', async () => {
    await sh('losetup', '--find', '--show', disk)
    await here.driver.detachVolume(id, 'here')
    expect(await devices()).toEqual([])
    await expect(here.driver.detachVolume(id, 'here')).rejects.toThrow(NotFoundError)
  })

  test('a device that nobody claimed is freed by a removal, unless somebody holds it', async () => {
    const left = await sh('losetup', '--find', '--show', disk)
    await sh('mkfs.ext4', '-q', left)
    const mountpoint = join(world.root, 'mnt')
    await sh('mkdir', mountpoint)
    await sh('mount', left, mountpoint)
    await expect(here.driver.removeVolume(id)).rejects.toThrow('is still held')
    await expect(here.driver.volume(id)).resolves.toMatchObject({ name: 'data' })
    await sh('umount', mountpoint)
    await here.driver.removeVolume(id)
    expect(await devices()).toEqual([])
    expect(await readdir(world.pool)).toEqual(['.pool'])
  })

  test('a detach cut short after the device went is finished by a repeat or an attach', async () => {
    const first = await attach()
    await sh('losetup', '-d', first.device)
    expect((await here.driver.volume(id)).attachments).toEqual([])
    expect(await here.executor.device(first.attachment)).toBeUndefined()
    const second = await attach()
    expect(second.attachment.since.getTime()).not.toBe(first.attachment.since.getTime())
    await sh('losetup', '-d', second.device)
    await expect(here.driver.detachVolume(id, 'here')).rejects.toThrow(NotFoundError)
    expect(await readdir(join(world.pool, 'data'))).not.toContain('attachment.json')
  })

  test('a claim from before a reboot counts for nothing, even where the device number is in use again', async () => {
    const { attachment, device } = await attach()
    const claim = JSON.parse(await readFile(claimFile(), 'utf8'))
    await writeFile(claimFile(), JSON.stringify({ ...claim, bootId: 'before' }))
    const restarted = await world.provider(loopDefinition, 'here')
    expect((await restarted.driver.volume(id)).attachments).toEqual([])
    expect(await restarted.executor.device(attachment)).toBeUndefined()
    const again = await restarted.driver.attachVolume(id, 'here')
    expect(again.since.getTime()).not.toBe(attachment.since.getTime())
    expect(await devices()).toEqual([device])
  })

  test('a stale claim never takes a device from another file', async () => {
    const { device } = await attach()
    await sh('losetup', '-d', device)
    const foreign = join(world.pool, 'foreign.img')
    await sh('truncate', '-s', '1M', foreign)
    const path = await sh('losetup', '--find', '--show', foreign)
    const claim = JSON.parse(await readFile(claimFile(), 'utf8'))
    const stale = { ...claim.device, path, diskseq: loopStatus(path)?.diskseq }
    await writeFile(claimFile(), JSON.stringify({ ...claim, bootId: 'before', device: stale }))
    await expect(here.driver.detachVolume(id, 'here')).rejects.toThrow(NotFoundError)
    expect(loopStatus(path)?.backingFile).toBe(foreign)
  })

  test('a device set up anew by hand is not the attachment’s, though it has the same name and file', async () => {
    const { attachment, device } = await attach()
    await sh('losetup', '-d', device)
    const path = await sh('losetup', '--find', '--show', disk)
    const claim = JSON.parse(await readFile(claimFile(), 'utf8'))
    const renamed = { ...claim.device, path }
    await writeFile(claimFile(), JSON.stringify({ ...claim, device: renamed }))
    const restarted = await world.provider(loopDefinition, 'here')
    expect(await restarted.executor.device(attachment)).toBeUndefined()
    expect((await restarted.driver.volume(id)).attachments).toEqual([])
  })

  test('a device told to go while it is held is detaching until its holder lets go', async () => {
    const { attachment, device } = await attach()
    await sh('mkfs.ext4', '-q', device)
    const mountpoint = join(world.root, 'mnt')
    await sh('mkdir', mountpoint)
    await sh('mount', device, mountpoint)
    await sh('losetup', '-d', device)
    const [seen] = (await here.driver.volume(id)).attachments
    expect(seen).toEqual({ ...attachment, state: 'detaching' })
    await expect(here.driver.attachVolume(id, 'here')).rejects.toThrow('is still held')
    await expect(there.driver.attachVolume(id, 'there')).rejects.toThrow('is attached to here')
    await sh('umount', mountpoint)
    await there.driver.attachVolume(id, 'there')
    expect(await devices()).toHaveLength(1)
  })

  test('after a forced detach nothing that the old holder writes reaches the file', async () => {
    const { device } = await attach()
    await sh('mkfs.ext4', '-q', device)
    const [mine, theirs] = [join(world.root, 'mine'), join(world.root, 'theirs')]
    await sh('mkdir', mine, theirs)
    await sh('mount', device, mine)
    await writeFile(join(mine, 'before'), 'x', { flush: true })
    await there.driver.detachVolume(id, 'here', { force: true })
    const loser = await run(
      'dd',
      ['if=/dev/zero', `of=${mine}/after`, 'bs=4096', 'count=1', 'conv=fsync'],
      { timeoutMs: 10_000 },
    )
    expect(loser.exitCode).not.toBe(0)
    const winner = await attach(there, 'there')
    expect(winner.device).not.toBe(device)
    await sh('mount', winner.device, theirs)
    expect((await readdir(theirs)).sort()).toEqual(['before', 'lost+found'])
    await sh('umount', theirs)
    await sh('umount', '-l', mine)
    await there.driver.detachVolume(id, 'there')
    expect(await devices()).toEqual([])
  })

  test('a forced detach that died before it ended the claim is over all the same', async () => {
    const { attachment, device } = await attach()
    const claim = await readFile(claimFile(), 'utf8')
    await sh('mkfs.ext4', '-q', device)
    const mountpoint = join(world.root, 'mnt')
    await sh('mkdir', mountpoint)
    await sh('mount', device, mountpoint)
    await there.driver.detachVolume(id, 'here', { force: true })
    await writeFile(claimFile(), claim)
    expect((await here.driver.volume(id)).attachments).toEqual([])
    expect(await here.executor.device(attachment)).toBeUndefined()
    const winner = await attach(there, 'there')
    expect(winner.device).not.toBe(device)
    await sh('umount', '-l', mountpoint)
  })

  test('without perl a held device is not taken by force, and stays attached', async () => {
    const { attachment, device } = await attach()
    await sh('mkfs.ext4', '-q', device)
    const mountpoint = join(world.root, 'mnt')
    await sh('mkdir', mountpoint)
    await sh('mount', device, mountpoint)
    const withoutPerl = await loopDefinition.create(
      { pool: world.pool, instance: 'there' },
      {
        service: 'loop',
        libDirectory: world.root,
        run: (command, ...rest) => run(command === 'perl' ? 'no-such-perl' : command, ...rest),
      },
    )
    const forced = withoutPerl.driver.detachVolume(id, 'here', { force: true })
    await expect(forced).rejects.toThrow(FailedPreconditionError)
    await expect(forced).rejects.toThrow('install perl')
    expect((await here.driver.volume(id)).attachments).toEqual([attachment])
    await sh('umount', mountpoint)
  })

  test('a grown file is a larger volume, a shortened one an error', async () => {
    await truncate(disk, 2 ** 31)
    expect(await here.driver.volume(id)).toMatchObject({ sizeGiB: 2, state: 'available' })
    await truncate(disk, 4096)
    expect(await here.driver.volume(id)).toMatchObject({
      state: 'error',
      problem: `has only 4096 bytes left of 1 GiB in ${disk}`,
    })
  })

  test('a volume that lost its file says so, and is neither attached nor in the way', async () => {
    await rename(disk, `${disk}.gone`)
    expect(await here.driver.volume(id)).toMatchObject({
      state: 'error',
      problem: `has lost its file ${disk}`,
    })
    await expect(here.driver.attachVolume(id, 'here')).rejects.toThrow('has lost its file')
    await rm(`${disk}.gone`)
    await here.driver.removeVolume(id)
    expect(await here.driver.volumes()).toEqual([])
  })

  test('a device is found without touching the pool, once its attachment was seen', async () => {
    const { attachment, device } = await attach()
    await rename(world.pool, `${world.pool}-away`)
    expect(await here.executor.device(attachment)).toBe(device)
    await rename(`${world.pool}-away`, world.pool)
  })

  test('a pool below which direct I/O cannot be done is served all the same', async () => {
    const buffered = await loopDefinition.create(
      { pool: world.pool, instance: 'here' },
      {
        service: 'loop',
        libDirectory: world.root,
        run: async (command, args, options) =>
          args.includes('--direct-io=on')
            ? { exitCode: 1, stdout: '', stderr: 'losetup: /dev/loop0: set direct io failed' }
            : run(command, args, options),
      },
    )
    const { device } = await attach(buffered)
    expect(await devices()).toEqual([device])
  })
})
