import { afterEach, beforeEach, describe } from 'vitest'
import {
  describeAttachment,
  describeDetachment,
  describeHeldDevice,
} from './driver-suite/attachments.ts'
import { describeAbort, describeExecutor, describeRestart } from './driver-suite/machine.ts'
import { describeCreation, describeLookUps, describeRemoval } from './driver-suite/volumes.ts'
import { type DriverUnderTest, World } from './driver-suite/world.ts'

export type { DriverUnderTest } from './driver-suite/world.ts'

/** What of the suite applies to a provider on this machine. */
interface SuiteOptions {
  readonly skipped?: boolean
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
  { skipped = false, holdable = true }: SuiteOptions = {},
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
  })
}
