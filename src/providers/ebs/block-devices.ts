import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { deviceNode } from '../../libstorage/device-node.ts'
import { isStorageError, systemCode } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { kernelName } from './device-names.ts'

const EBS_MODEL = 'Amazon Elastic Block Store'
const SECTOR_BYTES = 512
const GIB = 1_073_741_824
/** A write into sysfs may wait for a device, and so it is a child that makes it. */
const WRITE = ['-c', 'printf %s "$1" > "$2"', 'sh'] as const
const LIMIT = { timeoutMs: 10_000 }
/**
 * After how many milliseconds the kernel gives up a request to an NVMe disk unless told otherwise, and the most that it can
 * be told: EBS asks for that, since what stops it for a moment would come out as an I/O error (EBS User Guide, "I/O operation
 * timeout").
 */
const IO_TIMEOUT = { usual: '30000', most: '4294967295' }

/** Where the kernel shows its devices. */
export interface DeviceRoots {
  /** Where sysfs is mounted. */
  readonly sysfs: string
  readonly dev: string
  /** A folder of our own for nodes that are missing under `dev`. */
  readonly ownNodes: string
  /** No node is made. */
  readonly looksOnly?: boolean | undefined
}

/** What is known of the disk that is looked for. */
export interface WantedDisk {
  readonly volumeId: string
  /** The name that EC2 attached it under; means something on Xen only. */
  readonly deviceName?: string | undefined
  /** Whole GiB. */
  readonly sizeGiB?: number | undefined
  /** The kernel's number for the disk of the device name, where that is known to be the volume's; then its size is not looked at. */
  readonly sequence?: string | undefined
}

/** The disks of this machine as sysfs shows them. Needs no udev and no tool but mknod. */
export class BlockDevices {
  readonly #roots: DeviceRoots
  readonly #run: Run
  /** The disks, by name and number, that were told to be patient. */
  readonly #told = new Set<string>()

  constructor(roots: DeviceRoots, run: Run) {
    this.#roots = roots
    this.#run = run
  }

  /**
   * The path of a volume's disk, or undefined while it is not there. On Nitro its serial number is the volume's id; on
   * Xen it is the disk of its device name, which was absent when that name was chosen, if it has the size. An NVMe disk that
   * has the kernel's usual patience gets the patience that EBS needs.
   */
  async find(wanted: WantedDisk): Promise<string | undefined> {
    const name = this.#bySerial(wanted) ?? this.#byName(wanted)
    if (name === undefined) return undefined
    await this.#makePatient(name)
    return await this.#node(name)
  }

  /** Has the kernel look for PCI devices, where it lets us ask. */
  async rescan(): Promise<void> {
    await this.#write('bus/pci/rescan', '1')
  }

  /** Whether a disk with this volume's serial number or device name is there. */
  isThere(wanted: WantedDisk): boolean {
    return (this.#bySerial(wanted) ?? this.#byName(wanted)) !== undefined
  }

  /** Whether the kernel has a disk that a device name would mean. */
  isPresent(deviceName: string): boolean {
    return this.#size(kernelName(deviceName)) !== undefined
  }

  /** The number of the disk of a device name that no other disk has until a reboot (`diskseq`); Linux gives none before 5.15. */
  sequence(deviceName: string): string | undefined {
    return this.#read(kernelName(deviceName), 'diskseq')
  }

  #bySerial({ volumeId, sizeGiB }: WantedDisk): string | undefined {
    const serial = volumeId.replace('-', '')
    return this.#names()
      .filter((name) => /^nvme\d+n\d+$/.test(name))
      .find(
        (name) =>
          this.#read(name, 'device/model') === EBS_MODEL &&
          this.#read(name, 'device/serial') === serial &&
          !isGone(this.#read(name, 'device/state')) &&
          this.#fits(name, sizeGiB),
      )
  }

  #byName({ deviceName, sizeGiB, sequence }: WantedDisk): string | undefined {
    if (deviceName === undefined) return undefined
    const name = kernelName(deviceName)
    const bytes = this.#size(name)
    if (!name.startsWith('xvd') || bytes === undefined || bytes === 0) return undefined
    const isIt =
      sequence === undefined
        ? sizeGiB !== undefined && bytes === sizeGiB * GIB
        : this.sequence(deviceName) === sequence
    return isIt ? name : undefined
  }

  /** A volume that is being grown shows its old size for a while, never a larger one than asked for. */
  #fits(name: string, sizeGiB: number | undefined): boolean {
    const size = this.#size(name)
    return size !== undefined && size > 0 && (sizeGiB === undefined || size <= sizeGiB * GIB)
  }

  /** Whoever has set another time than the kernel's own means it. */
  async #makePatient(name: string): Promise<void> {
    const file = 'queue/io_timeout'
    const disk = `${name} ${this.#read(name, 'dev')}`
    if (this.#told.has(disk) || this.#read(name, file) !== IO_TIMEOUT.usual) return
    this.#told.add(disk)
    await this.#write(path.join('block', name, file), IO_TIMEOUT.most)
  }

  /** Writes to a file of sysfs; where that cannot be, the disk is used as it is. */
  async #write(file: string, text: string): Promise<void> {
    const { sysfs, looksOnly } = this.#roots
    if (looksOnly === true) return
    const written = this.#run('sh', [...WRITE, text, path.join(sysfs, file)], LIMIT)
    await written.catch((error: unknown) => {
      if (!isStorageError(error)) throw error
    })
  }

  /** The node of a device, checked to be that device's; made where the namespace we live in has none. */
  async #node(name: string): Promise<string | undefined> {
    const number = this.#read(name, 'dev')
    if (number === undefined) return undefined
    const { dev, ownNodes, looksOnly } = this.#roots
    return await deviceNode({ name, number, dev, ownNodes, looksOnly }, this.#run)
  }

  #names(): readonly string[] {
    try {
      return readdirSync(path.join(this.#roots.sysfs, 'block'))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw error
    }
  }

  /** In bytes. */
  #size(name: string): number | undefined {
    const sectors = this.#read(name, 'size')
    return sectors === undefined ? undefined : Number(sectors) * SECTOR_BYTES
  }

  #read(name: string, file: string): string | undefined {
    try {
      return readFileSync(path.join(this.#roots.sysfs, 'block', name, file), 'utf8').trim()
    } catch {
      return undefined
    }
  }
}

/** A controller that is being reset, or looks for its way to the disk again, has the disk all the same (Linux, nvme_ctrl_state). */
function isGone(state = 'live'): boolean {
  return state === 'dead' || state.startsWith('deleting')
}
