import {
  FailedPreconditionError,
  TimeoutError,
  UnavailableError,
} from '../../src/libstorage/errors.ts'
import { identifySelf } from '../../src/libstorage/process-identity.ts'
import type {
  CopyIdentity,
  DataFolder,
  DeviceContent,
  Disk,
  GrowthTarget,
  MountEntry,
  Mounter,
} from '../../src/mount/mounter.ts'
import type { MemoryPlatform } from './memory-platform.ts'

/** What lies on one volume, whatever machine looks at it. */
export type DiskContent =
  | { readonly kind: 'blank' }
  /** What a killed mkfs leaves: data, but no signature. */
  | { readonly kind: 'half' }
  | Exclude<DeviceContent, { kind: 'nothing' }>

/** The disks of a platform: they are the same for all machines. */
export class MemoryDisks {
  readonly #contents = new Map<string, DiskContent>()

  of(volumeId: string): DiskContent {
    return this.#contents.get(volumeId) ?? { kind: 'blank' }
  }

  write(volumeId: string, content: DiskContent): void {
    this.#contents.set(volumeId, content)
  }
}

/**
 * One machine's kernel and tools in memory. A device is held while it is mounted here, or by anybody in a namespace of
 * its own; what a real kernel refuses, this one refuses.
 */
export class MemoryKernel implements Mounter {
  readonly #platform: Pick<MemoryPlatform, 'resolve'>
  readonly #disks: MemoryDisks
  readonly #mounts: { mountPoint: string; device: string; fsType: string }[] = []
  readonly #links = new Map<string, string>()
  /** The folders that were made to mount at, and are there. */
  readonly mountPoints = new Set<string>()
  /** Devices that somebody holds in a namespace that we cannot see. */
  readonly heldByOthers = new Set<string>()
  /** Device names under which another disk is found by now. */
  readonly replaced = new Set<string>()
  /** While true, no read of a disk is answered within its time. */
  hangs = false
  /** How often it was asked which disk a device is. */
  identityLooks = 0
  /** How many bytes of a device its file system does not use yet. */
  readonly unfilledBytes = new Map<string, number>()
  /** Mount points beneath which a process of this namespace has a file open. */
  readonly busy = new Set<string>()
  /** Everything that changed a device or a mount, in order. */
  readonly effects: string[] = []
  /** Awaited before each effect: a test kills or delays there. */
  before: (effect: string) => Promise<void> = async () => {}

  constructor(platform: Pick<MemoryPlatform, 'resolve'>, disks: MemoryDisks) {
    this.#platform = platform
    this.#disks = disks
  }

  mounts(): readonly MountEntry[] {
    return this.#mounts.map(({ mountPoint, device, fsType }) => ({
      mountPoint,
      deviceNumber: device,
      source: device,
      fsType,
      failedReadOnly: false,
    }))
  }

  deviceNumber(device: string): string | undefined {
    return this.#isLive(device) ? device : undefined
  }

  deviceIdentity(device: string): string | undefined {
    this.identityLooks += 1
    if (!this.#isLive(device)) return undefined
    return this.replaced.has(device) ? `another disk at ${device}` : `disk ${device}`
  }

  async exclusiveOpen(device: string): Promise<'free' | 'held'> {
    return this.isHeld(device) ? 'held' : 'free'
  }

  isHeld(device: string): boolean {
    return this.heldByOthers.has(device) || this.#mounts.some((entry) => entry.device === device)
  }

  async serves(): Promise<boolean> {
    return true
  }

  async answers(device: string): Promise<boolean> {
    if (this.hangs)
      throw new TimeoutError({ subject: `device ${device}`, problem: 'does not answer a read' })
    return this.#isLive(device)
  }

  async identify(device: string): Promise<DeviceContent> {
    const content = this.#contentOf(device)
    return content.kind === 'blank' || content.kind === 'half' ? { kind: 'nothing' } : content
  }

  async isFinished(): Promise<boolean> {
    return true
  }

  async findData(device: string): Promise<string | undefined> {
    return this.#contentOf(device).kind === 'blank' ? undefined : 'has data at byte 1024'
  }

  async requireMaker(): Promise<void> {}

  async wipeSignatures(disk: Disk): Promise<void> {
    const { device } = disk
    this.#requireSame(disk)
    this.#disks.write(this.#volumeOf(device), { kind: 'half' })
  }

  async makeFileSystem(
    disk: Disk,
    { fsType, uuid }: { fsType: string; uuid: string },
    starting: (tool: {
      command: string
      process: ReturnType<typeof identifySelf>
      since: string
    }) => Promise<void>,
  ): Promise<void> {
    const { device } = disk
    if (this.isHeld(device))
      throw new FailedPreconditionError({ subject: device, problem: 'is in use' })
    await starting({
      command: `mkfs.${fsType}`,
      process: identifySelf(),
      since: new Date().toISOString(),
    })
    this.#requireSame(disk)
    this.#disks.write(this.#volumeOf(device), { kind: 'half' })
    await this.#effect(`mkfs ${device}`)
    this.#disks.write(this.#volumeOf(device), { kind: 'file-system', fsType, uuid })
  }

  async check(disk: Disk): Promise<void> {
    const { device } = disk
    this.#requireSame(disk)
    if (this.isHeld(device))
      throw new FailedPreconditionError({ subject: device, problem: 'is in use' })
    await this.#effect(`check ${device}`)
  }

  async unfilled(device: string): Promise<number> {
    return this.unfilledBytes.get(device) ?? 0
  }

  async grow({ device, fsType, mountPoint }: GrowthTarget): Promise<void> {
    if (fsType === 'ext4' && mountPoint !== undefined)
      throw new FailedPreconditionError({ subject: device, problem: 'is not grown while mounted' })
    await this.#effect(`grow ${device}`)
    this.unfilledBytes.delete(device)
  }

  sizeOf(): number {
    return Number.MAX_SAFE_INTEGER
  }

  async flush(mountPoint: string): Promise<void> {
    await this.#effect(`flush ${mountPoint}`)
  }

  async freeze(mountPoint: string): Promise<{ thaw: () => Promise<void> }> {
    await this.#effect(`freeze ${mountPoint}`)
    return { thaw: () => this.#effect(`thaw ${mountPoint}`) }
  }

  async thaw(mountPoint: string): Promise<void> {
    await this.#effect(`thaw ${mountPoint}`)
  }

  async tellApart({ device, ownUuid }: CopyIdentity): Promise<void> {
    await this.#effect(`tell apart ${device}`)
    this.#disks.write(this.#volumeOf(device), {
      kind: 'file-system',
      fsType: 'btrfs',
      uuid: ownUuid,
    })
  }

  async prepareMountPoint(mountPoint: string): Promise<void> {
    this.mountPoints.add(mountPoint)
  }

  async removeMountPoint(mountPoint: string): Promise<void> {
    this.mountPoints.delete(mountPoint)
  }

  async mount(disk: Disk, mountPoint: string, fsType: string): Promise<void> {
    const { device } = disk
    await this.#effect(`mount ${device}`)
    this.#requireSame(disk)
    const content = this.#contentOf(device)
    if (content.kind !== 'file-system' || content.fsType !== fsType)
      throw new FailedPreconditionError({
        subject: device,
        problem: 'cannot be mounted: wrong fs type',
      })
    this.#mounts.push({ mountPoint, device, fsType })
  }

  async unmount(mountPoint: string): Promise<'unmounted' | 'busy'> {
    if (this.busy.has(mountPoint)) return 'busy'
    await this.#effect(`unmount ${mountPoint}`)
    const index = this.#mounts.findLastIndex((entry) => entry.mountPoint === mountPoint)
    if (index >= 0) this.#mounts.splice(index, 1)
    return 'unmounted'
  }

  async unmountLazily(mountPoint: string): Promise<void> {
    await this.#effect(`unmount lazily ${mountPoint}`)
    const index = this.#mounts.findLastIndex((entry) => entry.mountPoint === mountPoint)
    if (index >= 0) this.#mounts.splice(index, 1)
  }

  async linkDirectory(directory: string, mountPoint: string): Promise<void> {
    this.#links.set(mountPoint, directory)
  }

  async unlinkDirectory(mountPoint: string): Promise<void> {
    this.#links.delete(mountPoint)
  }

  async linkedDirectory(mountPoint: string): Promise<string | undefined> {
    return this.#links.get(mountPoint)
  }

  async prepareDataFolder({ mountPoint }: DataFolder): Promise<void> {
    if (!this.#mounts.some((entry) => entry.mountPoint === mountPoint))
      throw new Error(`a folder was to be made at ${mountPoint} while nothing is mounted there`)
  }

  async usage(): Promise<{ usedBytes: number; freeBytes: number }> {
    return { usedBytes: 4096, freeBytes: 8192 }
  }

  async directoryUsage(): Promise<{ usedBytes: number; freeBytes: number }> {
    return { usedBytes: 4096, freeBytes: 8192 }
  }

  async tryMountOptions(): Promise<void> {}

  async users(): Promise<readonly string[]> {
    return ['pid 4711 (postgres)']
  }

  async #effect(effect: string): Promise<void> {
    await this.before(effect)
    this.effects.push(effect)
  }

  #volumeOf(device: string): string {
    const known = this.#platform.resolve(device)
    if (known === undefined) throw new Error(`no device ${device}`)
    return known.volumeId
  }

  #requireSame({ device, identity }: Disk): void {
    if (identity === undefined || identity === this.deviceIdentity(device)) return
    throw new UnavailableError({ subject: `device ${device}`, problem: 'is another disk' })
  }

  #isLive(device: string): boolean {
    return this.#platform.resolve(device)?.live === true
  }

  #contentOf(device: string): DiskContent {
    return this.#disks.of(this.#volumeOf(device))
  }
}
