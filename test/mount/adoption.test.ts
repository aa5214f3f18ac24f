import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)('a volume that REX-Ray mounted (root)', () => {
  let world: LoopWorld
  const ends: (() => void)[] = []
  beforeEach(() => {
    world = new LoopWorld()
  })
  afterEach(async () => {
    for (const end of ends.splice(0)) end()
    await world.end()
  })

  const ledger = () => new FileLedger(path.join(world.folder, 'ledger'), silentLogger)
  const record = () => ledger().all()[0]
  const device = async () => (await world.tool('losetup', '-j', world.diskOf('data'))).split(':')[0]
  const mountedAt = (place: string) =>
    world.mounter.mounts().filter(({ mountPoint }) => mountPoint === place).length

  const patience = { timeout: 15_000 }

  /** Mounted by hand at this place, with a file in it, and unknown to the ledger; then a server starts. */
  async function foundAt(
    place: string,
    settings: Partial<MountSettings> = {},
  ): Promise<MountManager> {
    const before = await world.manager()
    await before.create('data', {})
    const folder = await mounted(before, 'data', 'x')
    writeFileSync(path.join(folder, 'file'), 'kept')
    await before.close()
    mkdirSync(place, { recursive: true })
    if (mountedAt(place) === 0) {
      await world.tool('mount', (await device()) ?? '', place)
      await world.tool('umount', path.join(world.mountRoot, 'data'))
    }
    for (const name of readdirSync(path.join(world.folder, 'ledger')))
      rmSync(path.join(world.folder, 'ledger', name))
    const manager = await world.manager(settings)
    manager.start()
    await expect.poll(() => record()?.adopted).toBe(true)
    return manager
  }

  /** A container that has a bind of what is at this place, in a namespace of its own; ends it. */
  async function container(place: string): Promise<() => Promise<unknown>> {
    const script = 'mount --bind "$1" /mnt && echo ready && read -r end'
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', place],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    ends.push(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    return async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }

  const older = () => path.join(world.olderRoot, 'data')

  test('is adopted where it is, and a Mount gives the same file system at our place', async () => {
    const manager = await foundAt(older())
    expect(record()?.olderMounts).toEqual([older()])
    const folder = await mounted(manager, 'data', 'a')
    expect(folder).toBe(path.join(world.mountRoot, 'data/data'))
    expect(readFileSync(path.join(folder, 'file'), 'utf8')).toBe('kept')
    writeFileSync(path.join(older(), 'data/other'), 'seen')
    expect(readFileSync(path.join(folder, 'other'), 'utf8')).toBe('seen')
  })

  test('goes from both places at the last release, and is detached', async () => {
    const manager = await foundAt(older())
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect([mountedAt(older()), mountedAt(path.join(world.mountRoot, 'data'))]).toEqual([0, 0])
    expect(await device()).toBe('')
    expect(record()).toBeUndefined()
  })

  test('stays at the old place while a container of then runs, and goes with its Unmount', async () => {
    const manager = await foundAt(older())
    const end = await container(older())
    await mounted(manager, 'data', 'a')
    await manager.unmount({ name: 'data', holder: 'a' })
    await manager.unmount({ name: 'data', holder: 'of REX-Ray' })
    expect(mountedAt(older())).toBe(1)
    await expect(manager.remove('data')).rejects.toThrow(/in use/)
    await end()
    // The kernel takes a dead namespace apart in its own time.
    await expect
      .poll(async () => {
        await manager.unmount({ name: 'data', holder: 'of REX-Ray' })
        return mountedAt(older())
      })
      .toBe(0)
    await expect.poll(device, patience).toBe('')
  })

  describe('with ignoreUsedCount', () => {
    const unmount = { ignoreUsedCount: true, detachDelayMs: 20 }

    test('goes from an older place with the first Unmount', async () => {
      const manager = await foundAt(older(), { unmount })
      await manager.unmount({ name: 'data', holder: 'of REX-Ray' })
      expect(mountedAt(older())).toBe(0)
      await expect.poll(device, patience).toBe('')
      await expect.poll(record).toBeUndefined()
    })

    test.each(['older', 'volumes'])(
      'in %s goes from the host with the first Unmount, and is detached when its last container ends',
      async (folder) => {
        const place = path.join(world.folder, folder, 'data')
        const manager = await foundAt(place, { unmount })
        const end = await container(place)
        await manager.unmount({ name: 'data', holder: 'of REX-Ray' })
        expect(mountedAt(place)).toBe(0)
        await expect.poll(() => record()?.releasing, patience).toBeDefined()
        await end()
        await expect.poll(device, patience).toBe('')
      },
    )
  })

  test('is adopted anywhere beneath the mount path, whatever its folder is called', async () => {
    const place = path.join(world.mountRoot, 'by id', 'vol-1')
    const manager = await foundAt(place)
    expect(record()?.olderMounts).toEqual([place])
    await manager.unmount({ name: 'data', holder: 'of REX-Ray' })
    expect(mountedAt(place)).toBe(0)
    expect(await device()).toBe('')
  })

  test('with a bind of its data beside it goes as a whole', async () => {
    const bind = path.join(world.olderRoot, 'docker/data')
    const manager = await foundAt(older())
    mkdirSync(bind, { recursive: true })
    await world.tool('mount', '--bind', path.join(older(), 'data'), bind)
    await manager.close()
    const next = await world.manager()
    next.start()
    await expect.poll(() => record()?.olderMounts).toEqual([older(), bind])
    await next.unmount({ name: 'data', holder: 'of REX-Ray' })
    expect([mountedAt(bind), mountedAt(older())]).toEqual([0, 0])
    expect(await device()).toBe('')
  })

  test('at our own place keeps what is in it, and the next start adopts it again', async () => {
    const manager = await foundAt(path.join(world.mountRoot, 'data'))
    expect(record()?.olderMounts).toBeUndefined()
    await manager.close()
    const next = await world.manager()
    next.start()
    await next.close()
    expect(mountedAt(path.join(world.mountRoot, 'data'))).toBe(1)
  })

  test('somewhere else is nobody to be adopted: attached by hand, it is never touched', async () => {
    const before = await world.manager()
    await before.create('data', {})
    await mounted(before, 'data', 'x')
    await before.close()
    const place = path.join(world.folder, 'elsewhere')
    mkdirSync(place)
    await world.tool('mount', (await device()) ?? '', place)
    await world.tool('umount', path.join(world.mountRoot, 'data'))
    for (const name of readdirSync(path.join(world.folder, 'ledger')))
      rmSync(path.join(world.folder, 'ledger', name))
    const manager = await world.manager()
    manager.start()
    await manager.close()
    expect([record(), mountedAt(place)]).toEqual([undefined, 1])
    expect(await device()).not.toBe('')
  })
})
