import type { ProcessIdentity, ThisMachine } from '../../../src/libstorage/process-identity.ts'
import { after } from '../../../src/libstorage/wait.ts'
import type { Chronicle } from './chronicle.ts'
import type { Kept, WorldPlatform } from './world-platform.ts'

/** A mount in the host's namespace. */
export interface HostMount {
  readonly mountPoint: string
  readonly device: string
  readonly fsType: string
}

/** A container's own view of a volume, which outlives what the host does with its mount. */
interface Namespace {
  readonly device: string
  readonly mountPoint: string
}

/** One machine's kernel: what is mounted and held there, until the next boot. */
export class WorldKernel implements ThisMachine {
  readonly mounts: HostMount[] = []
  readonly #machineId: string
  readonly #platform: WorldPlatform
  readonly #chronicle: Chronicle
  readonly #namespaces = new Map<string, Namespace>()
  readonly #tools = new Map<number, string>()
  /** The mount points in which a shell of the host stands. */
  readonly #shells = new Set<string>()
  #boot = 1
  #isOn = true
  #pids = 1_000

  constructor(machineId: string, platform: WorldPlatform, chronicle: Chronicle) {
    this.#machineId = machineId
    this.#platform = platform
    this.#chronicle = chronicle
  }

  bootId(): string {
    return `${this.#machineId} boot ${this.#boot}`
  }

  isProvablyDead({ bootId, pid }: ProcessIdentity): boolean {
    return bootId !== this.bootId() || !this.#tools.has(pid)
  }

  /** Everything that is not on a disk is gone. */
  powerOff(): void {
    this.#isOn = false
    this.#boot += 1
    this.mounts.length = 0
    this.#namespaces.clear()
    this.#tools.clear()
    this.#shells.clear()
  }

  powerOn(): void {
    this.#isOn = true
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** The device that shows this volume here, if there is one. */
  deviceOf(volumeId: string): string | undefined {
    const attachment = this.#platform.attachmentOf(volumeId, this.#machineId)
    const isThere = attachment !== undefined && Date.now() >= attachment.appearsAt
    return isThere && this.#isOn ? attachment.deviceName : undefined
  }

  isLive(device: string): boolean {
    const attachment = this.#platform.ofDevice(device)?.attachment
    return attachment !== undefined && this.deviceOf(attachment.volumeId) === device
  }

  /** What an exclusive open would tell. */
  isHeld(device: string): boolean {
    return this.hasMounted(device) || [...this.#tools.values()].includes(device)
  }

  /** Whether it is mounted in any namespace. */
  hasMounted(device: string): boolean {
    return [...this.mounts, ...this.#namespaces.values()].some((mount) => mount.device === device)
  }

  volumeOn(device: string): Kept {
    const known = this.#platform.ofDevice(device)
    if (known === undefined) throw new Error(`no device ${device}`)
    return known.kept
  }

  /** Whether somebody on this machine can write to this volume right now. */
  hasWritable(volumeId: string): boolean {
    const device = this.deviceOf(volumeId)
    return device !== undefined && this.isHeld(device)
  }

  topmostAt(mountPoint: string): HostMount | undefined {
    return this.mounts.findLast((mount) => mount.mountPoint === mountPoint)
  }

  /** Starts a tool that has the device for itself; without a limit it runs until {@link endTool}. */
  startTool(device: string): number {
    this.#pids += 1
    this.#tools.set(this.#pids, device)
    return this.#pids
  }

  endTool(pid: number): void {
    this.#tools.delete(pid)
  }

  /** Resolves when the tool has ended: after so long with its work done, or earlier when it was killed. */
  runTool(pid: number, ms: number, work: () => void): Promise<'done' | 'killed'> {
    return new Promise((resolve) =>
      after(ms, () => {
        const device = this.#tools.get(pid)
        this.#tools.delete(pid)
        const isKilled = device === undefined || !this.isLive(device)
        if (!isKilled) work()
        resolve(isKilled ? 'killed' : 'done')
      }),
    )
  }

  /** Kills every tool at work, as the end of a session with all that it started. */
  killTools(): void {
    this.#tools.clear()
  }

  isBusy(mountPoint: string): boolean {
    return this.#shells.has(mountPoint)
  }

  setShell(mountPoint: string, stands: boolean): void {
    if (stands) this.#shells.add(mountPoint)
    else this.#shells.delete(mountPoint)
  }

  /** A container takes hold of what is mounted there; undefined where nothing is. */
  enter(container: string, mountPoint: string): Kept | undefined {
    const mount = this.topmostAt(mountPoint)
    if (mount === undefined) return undefined
    this.#namespaces.set(container, { device: mount.device, mountPoint })
    return this.volumeOn(mount.device)
  }

  leave(container: string): void {
    this.#namespaces.delete(container)
  }

  /** Whether a container's volume still works. */
  isWorking(container: string): boolean {
    const namespace = this.#namespaces.get(container)
    return namespace !== undefined && this.isLive(namespace.device)
  }

  /** Removing a mount point takes what is mounted there from every namespace; while the host has a mount there it is refused. */
  removeMountPoint(mountPoint: string): void {
    if (this.topmostAt(mountPoint) !== undefined) return
    for (const [container, namespace] of this.#namespaces) {
      if (namespace.mountPoint !== mountPoint) continue
      this.#namespaces.delete(container)
      if (this.isLive(namespace.device))
        this.#chronicle.violated(`${container} loses its mount: ${mountPoint} was removed`)
    }
  }

  /** Writes through a container's own mount; the volume written to, or undefined for an input/output error. */
  write(container: string, text: string): Kept | undefined {
    const namespace = this.#namespaces.get(container)
    if (namespace === undefined || !this.isLive(namespace.device)) return undefined
    const kept = this.volumeOn(namespace.device)
    kept.disk.writes.push(text)
    return kept
  }
}
