import { describeDriver } from '../../support/driver-suite.ts'
import { EbsWorld, patient } from '../../support/ebs-world.ts'

describeDriver(
  'ebs',
  async () => {
    const world = await EbsWorld.open({ delays: { snapshotPause: 0 } })
    return {
      provider: patient(await world.provider()),
      restarted: async () => patient(await world.provider()),
      otherInstance: world.there.id,
      other: patient(await world.provider(world.there)),
      joinsCreations: true,
      changesOneByOne: true,
      unsupported: [{ type: 'gp9' }, { iops: 100 }, { type: 'gp2', throughput: 200 }],
      cleanup: () => world.close(),
    }
  },
  // What is held is for EC2 a matter of the machine: its own test shows what comes of it.
  { holdable: false, abilities: ['modify', 'snapshots', 'copies'] },
)
