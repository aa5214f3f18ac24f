import { expect, test } from 'vitest'
import { vfsDefinition } from '../../../src/providers/vfs/config.ts'
import { describeDriver } from '../../support/driver-suite.ts'
import { PoolWorld } from '../../support/pool-world.ts'

describeDriver(
  'vfs',
  async () => {
    const world = await PoolWorld.make()
    return {
      provider: await world.provider(vfsDefinition, 'here'),
      restarted: () => world.provider(vfsDefinition, 'here'),
      otherInstance: 'there',
      other: await world.provider(vfsDefinition, 'there'),
      unsupported: [{ type: 'gp3' }, { iops: 100 }, { zone: 'a' }, { encrypted: true }],
      cleanup: () => world.cleanup(),
    }
  },
  { holdable: false, abilities: ['modify', 'snapshots', 'copies'] },
)

test('vfs can be served anywhere', async () => {
  expect(await vfsDefinition.unavailable()).toBeUndefined()
})
