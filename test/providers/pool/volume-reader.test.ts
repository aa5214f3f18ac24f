import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { folderName } from '../../../src/providers/pool/folder-name.ts'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { PoolWorld } from '../../support/pool-world.ts'

describe('a pool of many volumes', () => {
  let world: PoolWorld
  let provider: Provider

  beforeEach(async () => {
    world = await PoolWorld.make()
    provider = await world.provider(vfsDefinition, 'here')
  })
  afterEach(() => world.cleanup())

  const spec = (name: string) => ({ name, sizeGiB: 1, labels: {} })

  test('volumes that are read many at once are the same as one by one', async () => {
    const names = Array.from({ length: 70 }, (_, index) => `data ${index}`)
    for (const name of names) await provider.driver.createVolume(spec(name))
    const [first, second, third] = await provider.driver.volumes()
    await provider.driver.attachVolume(first?.id ?? '', 'here')
    await writeFile(join(world.pool, folderName(second?.name ?? ''), 'volume.json'), '{"id": 3')
    await rm(join(world.pool, folderName(third?.name ?? ''), 'files'), { recursive: true })
    const all = await provider.driver.volumes()
    expect(all.map((volume) => volume.name).sort()).toEqual(names.sort())
    expect(all.map((volume) => volume.state).filter((state) => state !== 'available')).toEqual([
      'in-use',
      'error',
      'error',
    ])
    for (const volume of all)
      expect(await provider.driver.volumes({ name: volume.name })).toEqual([volume])
  })

  const spoilt = {
    'a folder in the place of its record': async (folder: string) => {
      await rm(join(folder, 'volume.json'))
      await mkdir(join(folder, 'volume.json'))
    },
    'a record that leads to itself': async (folder: string) => {
      await rm(join(folder, 'volume.json'))
      await symlink('volume.json', join(folder, 'volume.json'))
    },
  }
  test.each(
    Object.entries(spoilt).flatMap(([what, spoil]) =>
      [3, 70].map((count) => ({ what, spoil, count })),
    ),
  )('$what is the matter of that one alone, of $count', async ({ spoil, count }) => {
    for (let index = 0; index < count; index += 1)
      await provider.driver.createVolume(spec(`data${index}`))
    await spoil(join(world.pool, 'data1'))
    await symlink('nothing', join(world.pool, 'nothing'))
    const all = await provider.driver.volumes()
    expect(all).toHaveLength(count)
    const bad = all.filter(({ state }) => state === 'error')
    expect(bad.map(({ name }) => name)).toEqual(['data1'])
    await expect(provider.driver.attachVolume(bad[0]?.id ?? '', 'here')).rejects.toThrow(
      /cannot be read in .*data1 \((EISDIR|ELOOP)\)/,
    )
    await expect(provider.driver.removeVolume(bad[0]?.id ?? '')).rejects.toThrow('nobody knows')
    await expect(provider.driver.createVolume(spec('data1'))).rejects.toThrow('exists already')
    await provider.driver.createVolume(spec('another'))
  })
})
