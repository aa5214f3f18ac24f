import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { thisMachine } from '../../src/libstorage/process-identity.ts'
import { createService } from '../../src/libstorage/service.ts'
import { BlockPublisher } from '../../src/mount/block-publisher.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import { thawing } from '../../src/mount/left-frozen.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import { MadeNamesFolder } from '../../src/mount/made-names.ts'
import { MountManager } from '../../src/mount/mount-manager.ts'
import { createPlaces } from '../../src/mount/places.ts'
import { RemovedNamesFolder } from '../../src/mount/removed-names.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
import type { EbsSettings } from '../../src/providers/ebs/config.ts'
import type { EbsWorld } from './ebs-world.ts'
import { PlainDisks } from './ec2/plain-disks.ts'
import type { SimMachine } from './ec2/simulator.ts'
import { MemoryDisks, MemoryKernel } from './memory-kernel.ts'
import { quickSettings, WATCH_MS } from './mount-world.ts'

/** A machine of the simulated region, over a kernel in memory whose disks are those of the simulator. */
export class EbsMountMachine {
  readonly instance: SimMachine
  readonly kernel: MemoryKernel
  readonly events: VolumeEvent[] = []
  /** What was logged at warn and above. */
  readonly warnings: string[] = []
  readonly #world: EbsWorld
  readonly #folder: string

  /** Machines of one region share what lies on its disks. */
  constructor(world: EbsWorld, instance: SimMachine, disks = new MemoryDisks()) {
    this.#world = world
    this.instance = instance
    this.#folder = path.join(world.simulator.folder, `${instance.id}-mounts`)
    this.kernel = new MemoryKernel({ resolve: (device) => diskOf(instance, device) }, disks)
    if (instance.disks instanceof PlainDisks)
      instance.disks.isMounted = (node) => this.kernel.isHeld(node)
  }

  /** A process that serves this machine's volumes. */
  async manager(
    changed: Partial<MountSettings> = {},
    ebs: Partial<Record<keyof EbsSettings, unknown>> = {},
  ): Promise<MountManager> {
    const settings = { ...quickSettings, attachTimeoutMs: 5_000, ...changed }
    const provider = await this.#world.provider(this.instance, ebs)
    const service = createService('ebs', provider, silentLogger)
    const ledger = this.ledger()
    const events = { record: (event: VolumeEvent) => void this.events.push(event) }
    const warn = (message: string) => void this.warnings.push(message)
    const places = createPlaces('/mnt', settings.mount.rootPath, new Set<string>())
    const context = {
      service,
      publisher: new BlockPublisher(this.kernel, settings, 'ebs', events),
      mounter: this.kernel,
      places,
      settings,
      ledger,
      made: new MadeNamesFolder(path.join(this.#folder, 'made')),
      sessions: new VolumeSessions(
        'ebs',
        ledger,
        new ProcessLocks(path.join(this.#folder, 'locks')),
        thisMachine,
        thawing(this.kernel, places),
      ),
      machine: thisMachine,
      logger: { ...silentLogger, warn, error: warn },
      events,
      role: 'server',
    } as const
    const removed = new RemovedNamesFolder(path.join(this.#folder, 'removed'))
    return new MountManager(context, removed, WATCH_MS)
  }

  /** The ledger as another process would read it. */
  ledger(): FileLedger {
    return new FileLedger(path.join(this.#folder, 'ledger'), silentLogger)
  }

  isMounted(name: string): boolean {
    return this.kernel.mounts().some(({ mountPoint }) => mountPoint === `/mnt/${name}`)
  }
}

/** A mount manager on a machine of the simulated region that has nothing to do with the disks of others. */
export function ebsMountManager(
  world: EbsWorld,
  machine: SimMachine = world.here,
  changed: Partial<MountSettings> = {},
  ebs: Partial<Record<keyof EbsSettings, unknown>> = {},
): Promise<MountManager> {
  return new EbsMountMachine(world, machine).manager(changed, ebs)
}

/** What sysfs says of a device, as long as it is there. */
function diskOf({ id, disks }: SimMachine, device: string) {
  const serial = path.join(disks.sysfs.root, 'block', path.basename(device), 'device/serial')
  if (!existsSync(serial)) return undefined
  const volumeId = readFileSync(serial, 'utf8').trim().replace('vol', 'vol-')
  return { volumeId, instanceId: id, live: true }
}
