import { execFileSync } from 'node:child_process'
import { hostname } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { poolSettings } from '../../../src/providers/pool/settings.ts'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { PoolWorld } from '../../support/pool-world.ts'

let world: PoolWorld
beforeEach(async () => {
  world = await PoolWorld.make()
})
afterEach(() => world.cleanup())

test('a pool that is no absolute path, and an instance without a name, are refused', () => {
  expect(poolSettings.safeParse({ pool: 'here' }).success).toBe(false)
  expect(poolSettings.safeParse({ instance: '' }).success).toBe(false)
})

test.each([loopDefinition, vfsDefinition])(
  'without settings $name is this host, with a pool of its own beneath the library folder',
  async (definition) => {
    const { name } = definition
    const context = { service: name, libDirectory: world.root, run }
    const provider = await definition.create({}, context)
    expect((await provider.executor.instance()).id).toBe(hostname())
    const made = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    expect(made.name).toBe('data')
    execFileSync('test', ['-f', `${world.root}/${name}/data/volume.json`])
  },
)
