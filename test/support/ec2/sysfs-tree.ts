import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const SECTORS_PER_GIB = 2_097_152

/** One disk as the kernel would show it. */
export interface ShownDisk {
  readonly volumeId: string
  /** `major:minor`. */
  readonly number: string
  readonly sizeGiB: number
  /** The name that it was attached under. */
  readonly device: string
}

/** The part of sysfs that shows a machine's disks: `block/nvme1n1` on Nitro, `block/xvdf` on Xen. */
export class SysfsTree {
  readonly root: string
  /** Whether the kernel numbers its disks, as Linux does since 5.15. */
  hasSequences = true
  readonly #hypervisor: 'nitro' | 'xen'
  #disks = 0

  constructor(root: string, hypervisor: 'nitro' | 'xen') {
    this.root = root
    this.#hypervisor = hypervisor
    mkdirSync(path.join(root, 'block'), { recursive: true })
    if (hypervisor === 'xen') {
      mkdirSync(path.join(root, 'hypervisor'), { recursive: true })
      writeFileSync(path.join(root, 'hypervisor/type'), 'xen\n')
    }
  }

  /** Shows a disk; returns the name that the kernel gives it. */
  add(disk: ShownDisk): string {
    const name = this.#nameFor(disk.device)
    // The whole folder is there at once, as it is in the kernel's.
    const made = path.join(this.root, `.${name}`)
    mkdirSync(path.join(made, 'holders'), { recursive: true })
    writeFileSync(path.join(made, 'dev'), `${disk.number}\n`)
    writeFileSync(path.join(made, 'size'), `${disk.sizeGiB * SECTORS_PER_GIB}\n`)
    writeFileSync(path.join(made, 'ro'), '0\n')
    this.#disks += 1
    if (this.hasSequences) writeFileSync(path.join(made, 'diskseq'), `${this.#disks}\n`)
    if (this.#hypervisor === 'nitro') writeNvme(made, disk.volumeId)
    renameSync(made, path.join(this.root, 'block', name))
    return name
  }

  remove(name: string): void {
    rmSync(path.join(this.root, 'block', name), { recursive: true, force: true })
  }

  resize(name: string, sizeGiB: number): void {
    writeFileSync(path.join(this.root, 'block', name, 'size'), `${sizeGiB * SECTORS_PER_GIB}\n`)
  }

  /** NVMe disks are numbered by when they came; the root disk is number 0. */
  #nameFor(device: string): string {
    if (this.#hypervisor === 'xen') return device.replace(/^\/dev\//, '').replace(/^sd/, 'xvd')
    const used = readdirSync(path.join(this.root, 'block'))
    let number = 1
    while (used.includes(`nvme${number}n1`)) number += 1
    return `nvme${number}n1`
  }
}

function writeNvme(folder: string, volumeId: string): void {
  const device = path.join(folder, 'device')
  mkdirSync(device)
  writeFileSync(path.join(device, 'serial'), `${volumeId.replace('-', '')}\n`)
  writeFileSync(path.join(device, 'model'), 'Amazon Elastic Block Store              \n')
  writeFileSync(path.join(device, 'state'), 'live\n')
}
