import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { thisMachine } from '../../src/libstorage/process-identity.ts'
import { createService } from '../../src/libstorage/service.ts'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import { BlockPublisher } from '../../src/mount/block-publisher.ts'
import type { VolumeEvent } from '../../src/mount/events.ts'
import { FileLedger } from '../../src/mount/ledger.ts'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { thawing } from '../../src/mount/left-frozen.ts'
import { ProcessLocks } from '../../src/mount/locks.ts'
import type { MountContext, ProcessRole } from '../../src/mount/mount-context.ts'
import { MountManager } from '../../src/mount/mount-manager.ts'
import { createPlaces } from '../../src/mount/places.ts'
import { RemovedNamesFolder } from '../../src/mount/removed-names.ts'
import type { MountSettings } from '../../src/mount/settings.ts'
import { VolumeSessions } from '../../src/mount/volume-session.ts'
import { MemoryDisks, MemoryKernel } from './memory-kernel.ts'
import { MemoryPlatform } from './memory-platform.ts'

/** The defaults, with nothing that waits. */
export const quickSettings: MountSettings = {
  create: {
    default: {
      sizeGiB: 1,
      type: undefined,
      iops: undefined,
      availabilityZone: undefined,
      fsType: 'ext4',
    },
    disable: false,
    implicit: false,
  },
  mount: {
    preempt: false,
    attachWaitMs: 0,
    preemptGraceMs: 0,
    path: '/mnt',
    rootPath: '/data',
    retryCount: 0,
    retryWaitMs: 0,
  },
  unmount: { ignoreUsedCount: false, detachDelayMs: 0 },
  remove: { disable: false },
  fileMode: undefined,
  attachTimeoutMs: 200,
}

/** How often a machine of a test looks whether its devices are still there, in milliseconds. */
export const WATCH_MS = 30

/** A ledger on a disk that may be full for a moment. */
class FailingLedger extends FileLedger {
  readonly #failures: Error[]

  constructor(folder: string, failures: Error[]) {
    super(folder, silentLogger)
    this.#failures = failures
  }

  override async put(record: LedgerRecord): Promise<void> {
    const failure = this.#failures.shift()
    if (failure !== undefined) throw failure
    await super.put(record)
  }
}

/** What a world of a machine's own may share with that of another one. */
export interface SharedPlatform {
  readonly platform: MemoryPlatform
  readonly disks: MemoryDisks
}

/** One machine of a platform in memory, with a real ledger and real locks in a folder of its own. */
export class MountWorld {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'remora-world-'))
  /** What the platform calls this machine. */
  readonly name: string
  readonly platform: MemoryPlatform
  readonly disks: MemoryDisks
  readonly kernel: MemoryKernel
  /** What was logged at warn and above. */
  readonly warnings: string[] = []
  /** What was logged at info. */
  readonly infos: string[] = []
  readonly events: VolumeEvent[] = []
  /** What the next writes of records by this machine's managers end with. */
  readonly failingWrites: Error[] = []
  /** What is special about the platform of the managers to come. */
  facts: Partial<Pick<Provider, 'wishes'>> = {}
  /** How often the managers to come look whether their devices are still there, in milliseconds; undefined: as they do by themselves. */
  watchMs: number | undefined = WATCH_MS
  /** Whether the platform of the managers to come knows how machines stand. */
  tellsOfMachines = true
  readonly #started: MountManager[] = []

  /** A further machine of the same platform has another name. */
  constructor(
    name = 'here',
    shared: SharedPlatform = { platform: new MemoryPlatform(), disks: new MemoryDisks() },
  ) {
    this.name = name
    this.platform = shared.platform
    this.disks = shared.disks
    this.kernel = new MemoryKernel(this.platform, this.disks)
    const { isHeld } = this.platform
    this.platform.isHeld = (device) => this.kernel.isHeld(device) || isHeld(device)
  }

  /** A process that serves this machine's volumes; a second one is what comes after a crash, or the command line. */
  manager(role: ProcessRole = 'server', changed: Partial<MountSettings> = {}): MountManager {
    const settings = { ...quickSettings, ...changed }
    const provider = this.platform.provider(this.name, this.facts)
    const { instances: _, ...driverAlone } = provider.driver
    const service = createService(
      'memory',
      this.tellsOfMachines ? provider : { ...provider, driver: driverAlone },
      silentLogger,
    )
    const warn = (message: string) => void this.warnings.push(message)
    const ledger = new FailingLedger(path.join(this.folder, 'ledger'), this.failingWrites)
    const events = { record: (event: VolumeEvent) => void this.events.push(event) }
    const places = createPlaces('/mnt', settings.mount.rootPath, new Set())
    const context: MountContext = {
      service,
      publisher: new BlockPublisher(this.kernel, settings, service.name, events),
      mounter: this.kernel,
      places,
      settings,
      ledger,
      sessions: new VolumeSessions(
        service.name,
        ledger,
        new ProcessLocks(path.join(this.folder, 'locks')),
        thisMachine,
        thawing(this.kernel, places),
      ),
      machine: thisMachine,
      logger: { ...silentLogger, info: (message) => this.infos.push(message), warn, error: warn },
      events,
      role,
    }
    const removed = new RemovedNamesFolder(path.join(this.folder, 'removed'))
    const manager = new MountManager(context, removed, this.watchMs)
    this.#started.push(manager)
    return manager
  }

  /** The ledger as another process would read it. */
  ledger(): FileLedger {
    return new FileLedger(path.join(this.folder, 'ledger'), silentLogger)
  }

  /** Makes all references an hour old, as if their holders had had all the time to use what they hold. */
  async age(): Promise<void> {
    while (
      this.ledger()
        .all()
        .some(({ references }) => references.some((one) => one.undelivered > 0))
    )
      await new Promise((resolve) => setTimeout(resolve, 5))
    const since = new Date(Date.now() - 3_600_000).toISOString()
    for (const record of this.ledger().all()) {
      const references = record.references.map((reference) => ({ ...reference, since }))
      await this.ledger().put({ ...record, references })
    }
  }

  isMounted(name: string): boolean {
    return this.kernel.mounts().some(({ mountPoint }) => mountPoint === `/mnt/${name}`)
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map((manager) => manager.close()))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Mounts as a client does that learns of the reply. */
export async function mounted(
  manager: MountManager,
  name: string,
  holder: string,
): Promise<string> {
  const result = await manager.mount({ name, holder })
  result.delivered()
  return result.mountpoint
}

/** Mounts for a caller who goes away while the file system is being mounted. */
export async function leavingDuringMount(
  world: MountWorld,
  manager: MountManager,
  name: string,
  holder: string,
): Promise<void> {
  const gone = new AbortController()
  world.kernel.before = async (effect) => {
    if (effect.startsWith('mount')) gone.abort()
  }
  const mounting = manager.mount({ name, holder }, { signal: gone.signal })
  await expect(mounting).rejects.toMatchObject({ code: 'ERR_ABORTED' })
}
