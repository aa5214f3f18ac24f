import path from 'node:path'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { thisMachine } from '../../src/libstorage/process-identity.ts'
import { createService } from '../../src/libstorage/service.ts'
import { BlockPublisher } from '../../src/mount/block-publisher.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { thawing } from '../../src/mount/left-frozen.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import { MountManager } from '../../src/mount/mount-manager.ts'
import { createPlaces } from '../../src/mount/places.ts'
import { RemovedNamesFolder } from '../../src/mount/removed-names.ts'
import type { PreemptPolicy } from '../../src/mount/settings.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
import { MemoryDisks, MemoryKernel } from './memory-kernel.ts'
import { quickSettings, WATCH_MS } from './mount-world.ts'
import type { SimPlace, VirtualboxWorld } from './virtualbox-world.ts'

/** A process that serves volumes on a machine of the simulated host, over a kernel in memory. */
export async function virtualboxMountManager(
  world: VirtualboxWorld,
  place: SimPlace,
  preempt: PreemptPolicy,
): Promise<MountManager> {
  const { machine, guest } = place
  const folder = path.join(world.folder, `${machine.name}-mounts`)
  const resolve = (device: string) => {
    const medium = guest.mediumOf(path.basename(device))
    return medium && { volumeId: medium.id, instanceId: machine.id, live: true }
  }
  const kernel = new MemoryKernel({ resolve }, new MemoryDisks())
  const mount = { ...quickSettings.mount, preempt, attachWaitMs: 20, preemptGraceMs: 150 }
  const settings = { ...quickSettings, attachTimeoutMs: 5_000, mount }
  const service = createService('virtualbox', await world.provider(place), silentLogger)
  const ledger = new FileLedger(path.join(folder, 'ledger'), silentLogger)
  const events = { record: () => {} }
  const places = createPlaces('/mnt', settings.mount.rootPath, new Set<string>())
  const locks = new ProcessLocks(path.join(folder, 'locks'))
  const context = {
    service,
    publisher: new BlockPublisher(kernel, settings, 'virtualbox', events),
    mounter: kernel,
    places,
    settings,
    ledger,
    sessions: new VolumeSessions('virtualbox', ledger, locks, thisMachine, thawing(kernel, places)),
    machine: thisMachine,
    logger: silentLogger,
    events,
    role: 'server',
  } as const
  return new MountManager(context, new RemovedNamesFolder(path.join(folder, 'removed')), WATCH_MS)
}
