import path from 'node:path'
import { ServiceLook } from '../../src/doctor/volumes/service-look.ts'
import type { Check } from '../../src/libstorage/check.ts'
import { run } from '../../src/libstorage/run.ts'
import type { EbsWorld } from './ebs-world.ts'
import { quickSettings } from './mount-world.ts'

/** The doctor's look at the service of a machine of the simulated region on which nothing is in use; each call is another one. */
export function ebsLook(
  world: EbsWorld,
  settings: Parameters<EbsWorld['provider']>[1] = {},
): ServiceLook {
  const { folder } = world.simulator
  return new ServiceLook({
    service: 'ebs',
    settings: quickSettings,
    storage: 'block',
    mountFolder: path.join(folder, 'volumes'),
    reservedNames: new Set(),
    olderFolders: () => [],
    ledgerFolder: path.join(folder, 'ledger'),
    logDirectory: path.join(folder, 'log'),
    openProvider: () => world.provider(world.here, settings),
    server: async () => undefined,
    run,
    now: () => new Date(),
  })
}

/** What a check finds. */
export async function findingsOf(check: Check): ReturnType<Check['run']> {
  return await check.run(new AbortController().signal)
}
