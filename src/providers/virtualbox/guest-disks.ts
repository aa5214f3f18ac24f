import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { deviceNode } from '../../libstorage/device-node.ts'
import type { Run } from '../../libstorage/run.ts'

/** Where the kernel and udev show disks. */
export interface GuestRoots {
  /** Where sysfs is mounted. */
  readonly sysfs: string
  readonly dev: string
  /** Where udev names disks by serial number. */
  readonly diskIDPath: string
  /** Where the kernel is asked to look for new disks. */
  readonly scsiHostPath: string
  /** A folder of our own for nodes that are missing under `dev`. */
  readonly ownNodes: string
  /** Whether nothing is changed: then no disk is looked for that does not show, and no node made. */
  readonly looksOnly?: boolean | undefined
}

/** How a disk of VirtualBox calls itself. */
const MODEL = 'VBOX HARDDISK'
/** Of the page with the serial number (SPC-4, 7.8.15): four bytes go before it. */
const SERIAL_AT = 4
/** A write into sysfs may wait for the disk. */
const LIMIT = { timeoutMs: 10_000 }
const WRITE = 'printf %s "$1" > "$2"'

/** The serial number of a volume's disk: the first four bytes of its UUID, and the last four in the other order (VirtualBox's AHCI device). */
export function serialOf(volumeId: string): string {
  const digits = volumeId.toLowerCase().replaceAll('-', '')
  const last = digits.slice(-8).match(/../g) ?? []
  return `VB${digits.slice(0, 8)}-${last.reverse().join('')}`
}

/** The disks of this machine as sysfs shows them. Needs no udev. */
export class GuestDisks {
  readonly #roots: GuestRoots
  readonly #run: Run
  readonly #warn: (message: string) => void
  #hasWarned = false

  /** `warn` is told once where sysfs cannot be written to. */
  constructor(roots: GuestRoots, run: Run, warn: (message: string) => void) {
    this.#roots = roots
    this.#run = run
    this.#warn = warn
  }

  /** What the kernel calls a volume's disk, such as `sdb`, by its whole serial number; undefined while it is not there, or where two have it. */
  nameOf(volumeId: string): string | undefined {
    const serial = serialOf(volumeId)
    const disks = entriesOf(path.join(this.#roots.sysfs, 'block')).filter((name) =>
      /^sd[a-z]+$/.test(name),
    )
    const found = disks.filter((name) => this.#serial(name) === serial && this.#isLive(name))
    if (found.length > 0) return found.length === 1 ? found[0] : undefined
    return this.#byId(serial, disks)
  }

  /** The path of a node of the disk. */
  async node(name: string): Promise<string | undefined> {
    const number = this.#read(name, 'dev')?.trim()
    if (number === undefined) return undefined
    return await deviceNode({ ...this.#roots, name, number }, this.#run)
  }

  /** Asks the kernel to look for disks. */
  async rescan(): Promise<void> {
    if (this.#roots.looksOnly === true) return
    for (const host of entriesOf(this.#roots.scsiHostPath)) {
      const folder = path.join(this.#roots.scsiHostPath, host)
      const driver = readText(path.join(folder, 'proc_name'))?.trim() ?? 'ahci'
      if (driver === 'ahci') await this.#write(path.join(folder, 'scan'), '- - -')
    }
  }

  /** Lets the kernel flush a disk and forget it; a rescan brings it back. */
  async forget(name: string): Promise<void> {
    await this.#write(path.join(this.#roots.sysfs, 'block', name, 'device/delete'), '1')
  }

  async #write(file: string, text: string): Promise<void> {
    const { exitCode, stderr } = await this.#run('sh', ['-c', WRITE, 'sh', text, file], LIMIT)
    // What is gone by now needs nothing.
    if (exitCode === 0 || this.#hasWarned || !existsSync(path.dirname(file))) return
    this.#hasWarned = true
    this.#warn(
      `the kernel cannot be told about disks (${stderr.trim()}), as in a managed plugin: one that does not show by itself is not looked for, and one that is detached is pulled without its knowledge; where that does harm, run Remora as a service of this machine`,
    )
  }

  /** Both files are older than VirtualBox 5.0, but not every kernel has them for every disk. */
  #serial(name: string): string | undefined {
    const page = this.#read(name, 'device/vpd_pg80')
    if (page !== undefined && page.length > SERIAL_AT) return page.slice(SERIAL_AT).trim()
    const wwid = this.#read(name, 'device/wwid')?.trim()
    return wwid?.startsWith('t10.ATA') ? wwid.split(/\s+/).at(-1) : undefined
  }

  #isLive(name: string): boolean {
    const isOurs = this.#read(name, 'device/model')?.trim() === MODEL
    return isOurs && Number(this.#read(name, 'size')) > 0
  }

  /** The link of the whole disk, never of a partition. */
  #byId(serial: string, disks: readonly string[]): string | undefined {
    try {
      const link = path.join(this.#roots.diskIDPath, `ata-${MODEL.replace(' ', '_')}_${serial}`)
      const name = path.basename(readlinkSync(link))
      // Where sysfs says another number, the link is an old one.
      const isOf = disks.includes(name) && this.#serial(name) === undefined && this.#isLive(name)
      return isOf ? name : undefined
    } catch {
      return undefined
    }
  }

  #read(name: string, file: string): string | undefined {
    return readText(path.join(this.#roots.sysfs, 'block', name, file))
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
