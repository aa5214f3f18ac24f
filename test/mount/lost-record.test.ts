import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

/** A server that finds the record of a mounted volume cut short by a crash. */
async function withCorruptRecord(): Promise<MountManager> {
  const first = world.manager()
  await first.create('data', {})
  await mounted(first, 'data', 'a')
  await first.close()
  const folder = path.join(world.folder, 'ledger')
  for (const name of readdirSync(folder))
    writeFileSync(path.join(folder, name), '{"version": 1, "serv')
  const second = world.manager()
  second.start()
  await expect.poll(() => world.ledger().all()[0]?.adopted).toBe(true)
  return second
}

describe('a volume whose record was lost while it was mounted', () => {
  test('is found at the next start, and told of again', async () => {
    const manager = await withCorruptRecord()
    expect((await manager.get('data')).mountpoint).toBe('/mnt/data/data')
    await expect.poll(() => world.events.map(({ kind }) => kind)).toContain('adopted')
  })

  test('is released by the Unmount of whoever used it, and can be removed', async () => {
    const manager = await withCorruptRecord()
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(false)
    await manager.remove('data')
    expect(world.platform.volumes()).toEqual([])
  })

  test('is not taken from its users by a holder that came before it was found at the start', async () => {
    const first = world.manager()
    await first.create('data', {})
    await mounted(first, 'data', 'before')
    await first.close()
    for (const name of readdirSync(path.join(world.folder, 'ledger')))
      rmSync(path.join(world.folder, 'ledger', name))
    world.kernel.heldByOthers.add('/dev/memory0')
    const second = world.manager()
    await mounted(second, 'data', 'new')
    expect(world.events.map(({ kind }) => kind)).toContain('adopted')
    await second.unmount({ name: 'data', holder: 'new' })
    expect(world.isMounted('data')).toBe(true)
  })

  test('stays as it is while somebody else holds it, over another start too', async () => {
    const manager = await withCorruptRecord()
    world.kernel.heldByOthers.add('/dev/memory0')
    await manager.unmount({ name: 'data', holder: 'a' })
    expect(world.isMounted('data')).toBe(true)
    await manager.close()
    const third = world.manager()
    third.start()
    await third.close()
    expect(world.isMounted('data')).toBe(true)
    expect(world.ledger().all()[0]?.adopted).toBe(true)
  })

  test('takes references again like any other', async () => {
    const manager = await withCorruptRecord()
    await mounted(manager, 'data', 'b')
    await manager.unmount({ name: 'data', holder: 'b' })
    expect(world.isMounted('data')).toBe(false)
  })
})
