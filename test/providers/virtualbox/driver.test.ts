import { describeDriver } from '../../support/driver-suite.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

describeDriver(
  'virtualbox',
  async () => {
    const world = new VirtualboxWorld()
    return {
      provider: await world.provider(),
      restarted: () => world.provider(),
      otherInstance: world.there.machine.id,
      other: await world.provider(world.there),
      unsupported: [{ zone: 'a' }, { type: 'gp3' }, { iops: 100 }, { encrypted: true }],
      refusesChangesInUse: true,
      cleanup: () => world.close(),
    }
  },
  { holdable: false, abilities: ['modify', 'snapshots', 'copies'] },
)
