import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { deviceNode } from '../../libstorage/device-node.ts'
import { systemCode } from '../../libstorage/errors.ts'
import type { Run } from '../../libstorage/run.ts'
import { kernelName } from './device-names.ts'

const EBS_MODEL = 'Amazon Elastic Block Store'
const SECTOR_BYTES = 512
const GIB = 1_073_741_824

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
}

/** The disks of this machine as sysfs shows them. Needs no udev and no tool but mknod. */
export class BlockDevices {
  readonly #roots: DeviceRoots
  readonly #run: Run

  constructor(roots: DeviceRoots, run: Run) {
    this.#roots = roots
    this.#run = run
  }

  /**
   * The path of a volume's disk, or undefined while it is not there. On Nitro its serial number is the volume's id; on
   * Xen it is the disk of its device name, which was absent when that name was chosen, if it has the size.
   */
  async find(wanted: WantedDisk): Promise<string | undefined> {
    const name = this.#bySerial(wanted) ?? this.#byName(wanted)
    return name === undefined ? undefined : await this.#node(name)
  }

  /** Whether a disk with this volume's serial number or device name is there. */
  isThere(wanted: WantedDisk): boolean {
    return (this.#bySerial(wanted) ?? this.#byName(wanted)) !== undefined
  }

  /** Whether the kernel has a disk that a device name would mean. */
  isPresent(deviceName: string): boolean {
    return this.#size(kernelName(deviceName)) !== undefined
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

  #byName({ deviceName, sizeGiB }: WantedDisk): string | undefined {
    if (deviceName === undefined || sizeGiB === undefined) return undefined
    const name = kernelName(deviceName)
    return name.startsWith('xvd') && this.#size(name) === sizeGiB * GIB ? name : undefined
  }

  /** A volume that is being grown shows its old size for a while, never a larger one than asked for. */
  #fits(name: string, sizeGiB: number | undefined): boolean {
    const size = this.#size(name)
    return size !== undefined && size > 0 && (sizeGiB === undefined || size <= sizeGiB * GIB)
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
