import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../../src/libstorage/run.ts'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { PoolWorld } from '../../support/pool-world.ts'

describe('a pool that is configured where a file is', () => {
  let world: PoolWorld
  beforeEach(async () => {
    world = await PoolWorld.make()
  })
  afterEach(() => world.cleanup())

  test('is refused with a sentence that names it', async () => {
    const pool = join(world.root, 'file')
    await writeFile(pool, '')
    const context = { service: 'vfs', libDirectory: world.root, run }
    await expect(vfsDefinition.create({ pool, instance: 'here' }, context)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_/),
      message: expect.stringContaining(pool),
    })
  })
})
