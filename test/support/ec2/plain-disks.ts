import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import type { GuestDisks } from './region.ts'
import type { SimVolume } from './resources.ts'
import { SysfsTree } from './sysfs-tree.ts'

/** Disks that can be found but not read, for which nobody need be root: each node is a link to one device of the kernel. */
export class PlainDisks implements GuestDisks {
  readonly sysfs: SysfsTree
  readonly dev: string
  /** The volumes that something on the machine has mounted, as a test says. */
  readonly held = new Set<string>()
  /** The volumes whose disks were taken away while they were held. */
  readonly pulled: string[] = []
  /** Whether something on the machine has the disk of this node mounted. */
  isMounted: (node: string) => boolean = () => false
  readonly #names = new Map<string, string>()

  constructor(folder: string, hypervisor: 'nitro' | 'xen') {
    this.sysfs = new SysfsTree(path.join(folder, 'sys'), hypervisor)
    this.dev = path.join(folder, 'dev')
    mkdirSync(this.dev, { recursive: true })
  }

  appear({ id, sizeGiB }: Pick<SimVolume, 'id' | 'sizeGiB'>, device: string): void {
    const name = this.sysfs.add({ volumeId: id, number: '1:3', sizeGiB, device })
    symlinkSync('/dev/null', path.join(this.dev, name))
    this.#names.set(id, name)
  }

  vanish(volumeId: string, pulled: boolean): void {
    const name = this.#names.get(volumeId)
    if (name === undefined) return
    if (pulled) this.pulled.push(volumeId)
    this.#names.delete(volumeId)
    this.held.delete(volumeId)
    this.sysfs.remove(name)
    rmSync(path.join(this.dev, name), { force: true })
  }

  isHeld(volumeId: string): boolean {
    const name = this.#names.get(volumeId)
    const isMounted = name !== undefined && this.isMounted(path.join(this.dev, name))
    return isMounted || this.held.has(volumeId)
  }

  grow(volumeId: string, sizeGiB: number): void {
    const name = this.#names.get(volumeId)
    if (name !== undefined) this.sysfs.resize(name, sizeGiB)
  }
}
