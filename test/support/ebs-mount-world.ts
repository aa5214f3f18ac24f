import { existsSync, readFileSync } from 'node:fs'
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
import type { MountSettings } from '../../src/mount/settings.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
import type { EbsWorld } from './ebs-world.ts'
import type { SimMachine } from './ec2/simulator.ts'
import { MemoryDisks, MemoryKernel } from './memory-kernel.ts'
import { quickSettings, WATCH_MS } from './mount-world.ts'

/** A mount manager on a machine of the simulated region, over a kernel in memory whose disks are those of the simulator. */
export async function ebsMountManager(
  world: EbsWorld,
  machine: SimMachine = world.here,
  changed: Partial<MountSettings> = {},
): Promise<MountManager> {
  const settings = { ...quickSettings, attachTimeoutMs: 5_000, ...changed }
  const service = createService('ebs', await world.provider(machine), silentLogger)
  const kernel = new MemoryKernel(
    { resolve: (device) => diskOf(machine, device) },
    new MemoryDisks(),
  )
  const folder = path.join(world.simulator.folder, `${machine.id}-mounts`)
  const ledger = new FileLedger(path.join(folder, 'ledger'), silentLogger)
  const events = { record: () => {} }
  const places = createPlaces('/mnt', settings.mount.rootPath, new Set<string>())
  const context = {
    service,
    publisher: new BlockPublisher(kernel, settings, 'ebs', events),
    mounter: kernel,
    places,
    settings,
    ledger,
    sessions: new VolumeSessions(
      'ebs',
      ledger,
      new ProcessLocks(path.join(folder, 'locks')),
      thisMachine,
      thawing(kernel, places),
    ),
    machine: thisMachine,
    logger: silentLogger,
    events,
    role: 'server',
  } as const
  return new MountManager(context, new RemovedNamesFolder(path.join(folder, 'removed')), WATCH_MS)
}

/** What sysfs says of a device, as long as it is there. */
function diskOf({ id, disks }: SimMachine, device: string) {
  const serial = path.join(disks.sysfs.root, 'block', path.basename(device), 'device/serial')
  if (!existsSync(serial)) return undefined
  const volumeId = readFileSync(serial, 'utf8').trim().replace('vol', 'vol-')
  return { volumeId, instanceId: id, live: true }
}
