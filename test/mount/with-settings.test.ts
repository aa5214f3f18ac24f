import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MountSettings } from '../../src/mount/settings.ts'
import { withSettings } from '../../src/mount/with-settings.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'
import { TwoMachines } from '../support/two-machines.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const fileSystemOf = (name: string) =>
  world.kernel.mounts().find(({ mountPoint }) => mountPoint === `/mnt/${name}`)?.fsType

/** One service with two sockets: that of the service, and one whose calls have settings of their own. */
function twoSockets(own: Partial<MountSettings>) {
  const plain = world.manager()
  return { plain, other: withSettings(plain, { ...quickSettings, ...own }) }
}

test('what one socket makes follows its own defaults', async () => {
  const defaults = { ...quickSettings.create.default, sizeGiB: 3, fsType: 'xfs' as const }
  const { plain, other } = twoSockets({ create: { ...quickSettings.create, default: defaults } })
  await plain.create('a', {})
  await other.create('b', {})

  expect((await plain.get('a')).volume.sizeGiB).toBe(1)
  expect((await other.get('b')).volume.sizeGiB).toBe(3)
  await mounted(plain, 'b', 'x')
  expect(fileSystemOf('b')).toBe('xfs')
})

test('a blank volume that nobody gave a file system gets the one of the socket it is mounted by', async () => {
  const defaults = { ...quickSettings.create.default, fsType: 'xfs' as const }
  const { other } = twoSockets({ create: { ...quickSettings.create, default: defaults } })
  world.platform.add({ name: 'bare' })
  const { delivered } = await other.mount({ name: 'bare', holder: 'x' })
  delivered()

  expect(fileSystemOf('bare')).toBe('xfs')
})

test('create.disable, remove.disable and create.implicit of one socket leave the other alone', async () => {
  const { plain, other } = twoSockets({
    create: { ...quickSettings.create, disable: true },
    remove: { disable: true },
  })
  await other.create('a', {})
  await expect(plain.get('a')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  await plain.create('a', {})
  await other.remove('a')
  expect((await plain.get('a')).volume.name).toBe('a')
  const implicit = withSettings(plain, {
    ...quickSettings,
    create: { ...quickSettings.create, implicit: true },
  })
  await expect(plain.mount({ name: 'b', holder: 'x' })).rejects.toThrow('not found')
  expect((await implicit.mount({ name: 'b', holder: 'x' })).mountpoint).toBe('/mnt/b/data')
})

test('ignoreUsedCount of one socket drops what was mounted through the other; one ledger knows both', async () => {
  const { plain, other } = twoSockets({ unmount: { ignoreUsedCount: true, detachDelayMs: 0 } })
  await plain.create('a', {})
  await mounted(plain, 'a', 'x')
  const { delivered } = await other.mount({ name: 'a', holder: 'y' })
  delivered()
  expect((await plain.get('a')).mount?.holders).toEqual(['x', 'y'])

  await plain.unmount({ name: 'a', holder: 'z' })
  expect(world.isMounted('a')).toBe(true)
  await other.unmount({ name: 'a', holder: 'z' })
  expect(world.isMounted('a')).toBe(false)
})

test('preempt of one socket takes a volume that the other refuses', async () => {
  const machines = new TwoMachines()
  try {
    await machines.mountedThere()
    const plain = machines.server(false)
    await expect(mounted(plain, 'data', 'a')).rejects.toThrow('is attached to there')
    const other = withSettings(plain, {
      ...quickSettings,
      mount: { ...quickSettings.mount, preempt: true },
    })
    await other.mount({ name: 'data', holder: 'a' })
    expect(machines.holder()).toBe('here')
  } finally {
    await machines.end()
  }
})

test('a caller whose signal is made when it is read is heard on every socket', async () => {
  class Gone {
    get signal(): AbortSignal {
      return AbortSignal.abort()
    }
  }
  const { other } = twoSockets({})
  await expect(other.get('nothing', new Gone())).rejects.toThrow('was given up by its caller')
})
