import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'
import { settled, timePasses } from '../support/passing-time.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.end()
})

const folder = () => path.join(world.folder, 'ledger')

/** A record that a newer version of the program wrote beside ours. */
function newerRecord(): string {
  const [name = ''] = readdirSync(folder())
  const known = JSON.parse(readFileSync(path.join(folder(), name), 'utf8'))
  const file = path.join(folder(), 'vol-newer.json')
  writeFileSync(file, JSON.stringify({ ...known, version: 2 }))
  return file
}

describe('a server whose ledger cannot be read for a while', () => {
  test('goes on watching: a record of a newer version ends it neither at once nor later', async () => {
    const manager = world.manager()
    manager.start()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const file = newerRecord()
    await timePasses(world, 10_000)
    await expect(manager.get('data')).rejects.toThrow('was written by a newer version')
    rmSync(file)
    await timePasses(world, 10_000)
    expect((await manager.get('data')).mountpoint).toBe('/mnt/data/data')
  })

  test('says what is wrong with its folder, and serves again when that is mended', async () => {
    const manager = world.manager()
    manager.start()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await settled(world)
    const aside = `${folder()}.aside`
    renameSync(folder(), aside)
    writeFileSync(folder(), 'no folder')
    await timePasses(world, 10_000)
    await expect(manager.get('data')).rejects.toThrow(
      `ledger ${folder()} cannot be read (ENOTDIR), mend that and try again`,
    )
    rmSync(folder())
    mkdirSync(folder())
    for (const name of readdirSync(aside))
      renameSync(path.join(aside, name), path.join(folder(), name))
    await timePasses(world, 10_000)
    expect((await manager.get('data')).mountpoint).toBe('/mnt/data/data')
  })
})
