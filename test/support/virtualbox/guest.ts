import {
  type FSWatcher,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import type { SimGuest, SimMedium } from './model.ts'

const SECTOR = 512

/** Where a guest's disks come from. */
export interface DiskSource {
  /** Brings a disk's node to a place, and says its number (`major:minor`). */
  place(medium: SimMedium, node: string): string
  /** Takes what it brought away. */
  displace(medium: SimMedium): void
}

/** Disks that can be found but not read, for which nobody need be root: each node is a link to one device of the kernel. */
export const plainDisks: DiskSource = {
  place: (_, node) => {
    symlinkSync('/dev/null', node)
    return '1:3'
  },
  displace: () => {},
}

/** The part of sysfs, and the nodes, that a Linux guest of VirtualBox shows of its disks: they come and go, and come back at a rescan. */
export class SimGuestTree implements SimGuest {
  readonly sysfs: string
  readonly dev: string
  readonly diskIDPath: string
  readonly scsiHostPath: string
  readonly #source: DiskSource
  readonly #attached = new Set<SimMedium>()
  readonly #names = new Map<SimMedium, string>()
  readonly #watchers = new Map<string, FSWatcher>()
  /** How often the kernel was asked to look for disks. */
  rescans = 0
  /** Whether disks that come show only after a rescan. */
  isSlow = false

  constructor(folder: string, source: DiskSource = plainDisks) {
    this.sysfs = path.join(folder, 'sys')
    this.dev = path.join(folder, 'dev')
    this.diskIDPath = path.join(this.dev, 'disk/by-id')
    this.scsiHostPath = path.join(this.sysfs, 'class/scsi_host')
    this.#source = source
    for (const made of [path.join(this.sysfs, 'block'), this.diskIDPath])
      mkdirSync(made, { recursive: true })
    for (const [host, driver] of [
      ['host0', 'ata_piix'],
      ['host1', 'ahci'],
    ] as const) {
      mkdirSync(path.join(this.scsiHostPath, host), { recursive: true })
      writeFileSync(path.join(this.scsiHostPath, host, 'proc_name'), `${driver}\n`)
      writeFileSync(path.join(this.scsiHostPath, host, 'scan'), '')
    }
    const scan = path.join(this.scsiHostPath, 'host1/scan')
    this.#watch(scan, () => {
      if (readFileSync(scan, 'utf8') !== '- - -') return
      this.rescans += 1
      writeFileSync(scan, '')
      for (const medium of this.#attached) this.#show(medium)
    })
  }

  /** What the machine's firmware says of it. */
  writeFirmware(uuid: string, macs: readonly string[] = []): void {
    const dmi = path.join(this.sysfs, 'class/dmi/id')
    mkdirSync(dmi, { recursive: true })
    writeFileSync(path.join(dmi, 'product_name'), 'VirtualBox\n')
    writeFileSync(path.join(dmi, 'product_uuid'), `${uuid}\n`)
    for (const [index, mac] of macs.entries()) {
      const net = path.join(this.sysfs, `class/net/eth${index}`)
      mkdirSync(net, { recursive: true })
      writeFileSync(path.join(net, 'address'), `${mac}\n`)
    }
  }

  appear(medium: SimMedium): void {
    this.#attached.add(medium)
    if (!this.isSlow) this.#show(medium)
  }

  vanish(medium: SimMedium): void {
    this.#attached.delete(medium)
    this.#hide(medium)
  }

  /** The disk that the kernel calls so. */
  mediumOf(name: string): SimMedium | undefined {
    return [...this.#names].find(([, known]) => known === name)?.[0]
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    for (const medium of this.#attached) this.#source.displace(medium)
  }

  #show(medium: SimMedium): void {
    if (this.#names.has(medium)) return
    const used = new Set(this.#names.values())
    const name =
      'bcdefghijklmnopqrstuvwxyz'
        .split('')
        .map((one) => `sd${one}`)
        .find((one) => !used.has(one)) ?? 'sdzz'
    const number = this.#source.place(medium, path.join(this.dev, name))
    this.#names.set(medium, name)
    // The whole folder is there at once, as it is in the kernel's.
    const made = path.join(this.sysfs, `.${name}`)
    const device = path.join(made, 'device')
    mkdirSync(device, { recursive: true })
    writeFileSync(path.join(made, 'dev'), `${number}\n`)
    writeFileSync(path.join(made, 'size'), `${medium.sizeBytes / SECTOR}\n`)
    writeFileSync(path.join(device, 'vendor'), 'ATA     \n')
    writeFileSync(path.join(device, 'model'), 'VBOX HARDDISK   \n')
    writeFileSync(path.join(device, 'vpd_pg80'), page80(serial(medium.id)))
    writeFileSync(path.join(device, 'delete'), '')
    renameSync(made, path.join(this.sysfs, 'block', name))
    const forget = path.join(this.sysfs, 'block', name, 'device/delete')
    this.#watch(forget, () => {
      if (this.#names.get(medium) === name && readFileSync(forget, 'utf8') === '1')
        this.#hide(medium)
    })
  }

  #hide(medium: SimMedium): void {
    const name = this.#names.get(medium)
    if (name === undefined) return
    this.#names.delete(medium)
    const forget = path.join(this.sysfs, 'block', name, 'device/delete')
    this.#watchers.get(forget)?.close()
    this.#watchers.delete(forget)
    rmSync(path.join(this.sysfs, 'block', name), { recursive: true, force: true })
    rmSync(path.join(this.dev, name), { force: true })
    this.#source.displace(medium)
  }

  #watch(file: string, written: () => void): void {
    this.#watchers.set(
      file,
      watch(file, () => written()),
    )
  }
}

/** As an emulated ATA disk answers: the page's number and length, then 20 characters. */
export function page80(serialNumber: string): Buffer {
  return Buffer.concat([Buffer.from([0, 0x80, 0, 0x14]), Buffer.from(serialNumber.padEnd(20))])
}

/** `VB`, the first four bytes of the UUID, and its last four from behind. */
function serial(uuid: string): string {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex')
  const last = Buffer.from(bytes.subarray(12)).reverse()
  return `VB${bytes.subarray(0, 4).toString('hex')}-${last.toString('hex')}`
}
