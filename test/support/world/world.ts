import type { MountSettings } from '../../../src/mount/settings.ts'
import { Chance } from './chance.ts'
import { Chronicle } from './chronicle.ts'
import type { Faults } from './faults.ts'
import { Referee } from './referee.ts'
import { WorldMachine, worldSettings } from './world-machine.ts'
import { type PlatformNature, WorldPlatform } from './world-platform.ts'

/** What the parts of a world share. */
export interface WorldParts {
  readonly platform: WorldPlatform
  readonly referee: Referee
  readonly chance: Chance
  readonly chronicle: Chronicle
  readonly faults: Faults
  readonly settings: MountSettings
  /** Whether a machine other than this one can write to the volume. */
  readonly isWritableBeside: (machineId: string, volumeId: string) => boolean
}

/** What a world is like from its beginning. */
export interface WorldNature extends PlatformNature {
  readonly machines: number
  readonly policy: MountSettings['mount']['preempt']
  /** The first Unmount drops all references. */
  readonly ignoresUsedCount: boolean
  /** What delays are drawn from. */
  readonly seed: number
}

/** Several machines around one platform, with nobody in it yet. */
export class World {
  readonly chronicle = new Chronicle()
  readonly platform: WorldPlatform
  readonly machines: readonly WorldMachine[]

  constructor(nature: WorldNature, faults: Faults) {
    const { chronicle } = this
    const chance = new Chance(nature.seed)
    const referee = new Referee(nature.policy, chronicle)
    this.platform = new WorldPlatform(nature, faults, chance, chronicle, referee)
    const parts: WorldParts = {
      platform: this.platform,
      referee,
      chance,
      chronicle,
      faults,
      settings: worldSettings(nature.policy, nature.ignoresUsedCount),
      isWritableBeside: (machineId, volumeId) =>
        this.machines.some(
          (machine) => machine.id !== machineId && machine.kernel.hasWritable(volumeId),
        ),
    }
    this.machines = Array.from(
      { length: nature.machines },
      (_, index) => new WorldMachine(`m${index + 1}`, parts),
    )
    for (const machine of this.machines) this.platform.machines.set(machine.id, machine)
  }

  /** The n-th machine; there are fewer in some worlds. */
  machine(index: number): WorldMachine {
    const machine = this.machines[index % this.machines.length]
    if (machine === undefined) throw new Error('a world without machines')
    return machine
  }

  /** One moment of work in all containers. */
  tick(): void {
    for (const machine of this.machines) machine.docker.tick()
  }
}
