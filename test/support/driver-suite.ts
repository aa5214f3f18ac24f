import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  describeClones,
  describeModification,
  describeSnapshots,
} from './driver-suite/abilities.ts'
import {
  describeAttachment,
  describeDetachment,
  describeHeldDevice,
} from './driver-suite/attachments.ts'
import { describeAbort, describeExecutor, describeRestart } from './driver-suite/machine.ts'
import { describeCreation, describeLookUps, describeRemoval } from './driver-suite/volumes.ts'
import { type DriverUnderTest, World } from './driver-suite/world.ts'

export type { DriverUnderTest } from './driver-suite/world.ts'

/** An optional member of the contract, or `copies` for volumes made from volumes. */
type Ability = 'modify' | 'snapshots' | 'copies'

/** What of the suite applies to a provider on this machine. */
interface SuiteOptions {
  readonly skipped?: boolean
  /** What optional members of the contract it has; one that is not named must be absent. */
  readonly abilities?: readonly Ability[]
  /** Whether a program can hold what is attached; nothing can hold a directory. */
  readonly holdable?: boolean
}

/**
 * Shows that a provider keeps the contract in `src/libstorage/storage-driver.ts`. Every provider's test calls it, with
 * a fresh and empty platform for each test.
 */
export function describeDriver(
  name: string,
  create: () => Promise<DriverUnderTest>,
  { skipped = false, holdable = true, abilities = [] }: SuiteOptions = {},
): void {
  describe.skipIf(skipped)(`the ${name} driver keeps the contract`, () => {
    const world = new World(create)
    beforeEach(() => world.open())
    afterEach(() => world.close())
    describeLookUps(world)
    describeCreation(world)
    describeRemoval(world)
    describeAttachment(world)
    describeDetachment(world)
    if (holdable) describeHeldDevice(world)
    describeExecutor(world)
    describeAbort(world)
    describeRestart(world)
    if (abilities.includes('modify')) describeModification(world)
    if (abilities.includes('snapshots')) describeSnapshots(world)
    if (abilities.includes('copies')) describeClones(world)
    test('has the optional members that it is said to have, and no other', () => {
      expect(world.driver.modifyVolume !== undefined).toBe(abilities.includes('modify'))
      expect(world.driver.snapshots !== undefined).toBe(abilities.includes('snapshots'))
    })
  })
}
