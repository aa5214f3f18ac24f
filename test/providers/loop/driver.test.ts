import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { loopDefinition } from '../../../src/providers/loop/config.ts'
import { describeDriver } from '../../support/driver-suite.ts'
import { PoolWorld } from '../../support/pool-world.ts'

const unavailable = await loopDefinition.unavailable()

describeDriver(
  unavailable === undefined ? 'loop' : `loop (which ${unavailable})`,
  async () => {
    const world = await PoolWorld.make()
    return {
      provider: await world.provider(loopDefinition, 'here'),
      restarted: () => world.provider(loopDefinition, 'here'),
      otherInstance: 'there',
      other: await world.provider(loopDefinition, 'there'),
      unsupported: [
        { type: 'gp3' },
        { iops: 100 },
        { zone: 'a' },
        { encrypted: true },
        { encryptionKey: 'k' },
      ],
      hold: async (device) => {
        const held = await open(device, constants.O_RDONLY | constants.O_EXCL)
        return () => held.close()
      },
      cleanup: () => world.cleanup(),
    }
  },
  { skipped: unavailable !== undefined, abilities: ['modify', 'snapshots', 'copies'] },
)
