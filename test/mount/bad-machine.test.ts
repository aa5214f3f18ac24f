import { mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted } from '../support/mount-world.ts'

describe.skipIf(loopUnavailable !== undefined)('on a machine where something is wrong', () => {
  const { PATH } = process.env
  let world: LoopWorld
  beforeEach(() => {
    world = new LoopWorld()
  })
  afterEach(async () => {
    process.env['PATH'] = PATH
    await world.end()
  })

  /** All tools of this machine but one. */
  function without(tool: string): string {
    const folder = path.join(world.folder, 'tools')
    mkdirSync(folder)
    const found = new Map<string, string>()
    for (const place of ['/bin', '/sbin', '/usr/bin', '/usr/sbin'])
      for (const name of readdirSync(place)) found.set(name, path.join(place, name))
    found.delete(tool)
    for (const [name, file] of found) symlinkSync(file, path.join(folder, name))
    return folder
  }

  test('a missing mkfs is named with its package, before a volume is made', async () => {
    const manager = await world.manager()
    process.env['PATH'] = without('mkfs.xfs')
    await expect(manager.create('data', { fstype: 'xfs' })).rejects.toThrow(
      'mkfs.xfs is not installed on this machine, install the package xfsprogs',
    )
    await expect(manager.get('data')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })

  test('a missing mkfs at the first Mount leaves the volume blank, detached, and mountable later', async () => {
    const manager = await world.manager()
    await manager.create('data', { fstype: 'xfs' })
    process.env['PATH'] = without('mkfs.xfs')
    await expect(mounted(manager, 'data', 'a')).rejects.toThrow('install the package xfsprogs')
    expect(await world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
    process.env['PATH'] = PATH
    await mounted(manager, 'data', 'a')
  })

  test('a disk that vanished from the pool is named, and its volume can still be removed', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    rmSync(world.diskOf('data'))
    const fresh = await world.manager()
    await expect(mounted(fresh, 'data', 'a')).rejects.toThrow(world.diskOf('data'))
    await fresh.remove('data')
    await expect(fresh.get('data')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })

  test('a disk that was cut short is refused, not formatted', async () => {
    const manager = await world.manager()
    await manager.create('data', {})
    truncateSync(world.diskOf('data'), 1_048_576)
    const fresh = await world.manager()
    await expect(mounted(fresh, 'data', 'a')).rejects.toThrow(world.diskOf('data'))
    expect(await world.tool('losetup', '-j', world.diskOf('data'))).toBe('')
  })
})
