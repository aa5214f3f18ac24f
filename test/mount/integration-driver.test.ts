import { InMemoryVolumes } from '../support/in-memory-volumes.ts'
import { describeVolumes } from '../support/integration-suite.ts'
import { MountWorld } from '../support/mount-world.ts'

describeVolumes('of a mount manager', () => {
  const world = new MountWorld()
  return { as: (role) => world.manager(role), cleanup: () => world.end() }
})

describeVolumes('in memory, which stand in for them', () => ({
  as: (role) => new InMemoryVolumes({ role }),
  cleanup: async () => {},
}))
