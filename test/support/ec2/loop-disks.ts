import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import type { GuestDisks } from './region.ts'
import type { SimVolume } from './resources.ts'
import { SysfsTree } from './sysfs-tree.ts'
import type { VolumeFiles } from './volume-files.ts'

/**
 * Cuts a live loop device off its file: its capacity becomes 0 (LOOP_SET_STATUS64 with a size limit of 1). What was under
 * way gets in after the first stroke, and is waited for by the next ones.
 */
const CUT = `
  open my $d, '+<', $ARGV[0] or die "$!";
  my $s = "\\0" x 232;
  ioctl($d, 0x4C05, $s) or die "$!";
  substr($s, 32, 8) = pack('Q', 1);
  for (1 .. 5) { ioctl($d, 0x4C04, $s) or die "$!"; select(undef, undef, undef, 0.03); }
`

interface Shown {
  readonly name: string
  readonly loop: string
}

/** The disks of one machine as loop devices, with a sysfs and a folder of nodes that show only its own. Needs root. */
export class LoopDisks implements GuestDisks {
  readonly sysfs: SysfsTree
  readonly dev: string
  readonly #files: VolumeFiles
  readonly #shown = new Map<string, Shown>()
  /** Loop devices that were pulled from under somebody, who still has them. */
  readonly #cut: string[] = []

  constructor(folder: string, hypervisor: 'nitro' | 'xen', files: VolumeFiles) {
    this.sysfs = new SysfsTree(path.join(folder, 'sys'), hypervisor)
    this.dev = path.join(folder, 'dev')
    mkdirSync(this.dev, { recursive: true })
    this.#files = files
  }

  appear({ id, sizeGiB }: SimVolume, device: string): void {
    const loop = sh('losetup', '--find', '--show', this.#files.of(id, sizeGiB))
    const number = numberOf(loop)
    const name = this.sysfs.add({ volumeId: id, number, sizeGiB, device })
    sh('mknod', path.join(this.dev, name), 'b', ...number.split(':'))
    this.#shown.set(id, { name, loop })
  }

  vanish(volumeId: string, pulled: boolean): void {
    const shown = this.#shown.get(volumeId)
    if (shown === undefined) return
    this.#shown.delete(volumeId)
    this.sysfs.remove(shown.name)
    rmSync(path.join(this.dev, shown.name), { force: true })
    if (pulled) {
      sh('perl', '-e', CUT, shown.loop)
      this.#files.leave(volumeId)
      this.#cut.push(shown.loop)
    } else sh('losetup', '-d', shown.loop)
  }

  isHeld(volumeId: string): boolean {
    const shown = this.#shown.get(volumeId)
    if (shown === undefined) return false
    try {
      closeSync(openSync(shown.loop, constants.O_RDONLY | constants.O_EXCL))
      return false
    } catch {
      return true
    }
  }

  grow(volumeId: string, sizeGiB: number): void {
    const shown = this.#shown.get(volumeId)
    if (shown === undefined) return
    this.#files.grow(volumeId, sizeGiB)
    sh('losetup', '-c', shown.loop)
    this.sysfs.resize(shown.name, sizeGiB)
  }

  /** The loop device behind a volume here, which every namespace of this host knows by that name. */
  loopOf(volumeId: string): string | undefined {
    return this.#shown.get(volumeId)?.loop
  }

  /** What a shell in a mount namespace of its own runs to see these disks as those of its kernel. */
  enterScript(): string {
    const block = path.join(this.sysfs.root, 'block')
    return `mount --bind ${block} /sys/block && mount --bind ${block} /sys/class/block`
  }

  /** Gives all loop devices back; what is still mounted keeps its own until it is unmounted. */
  close(): void {
    for (const { loop } of this.#shown.values()) sh('losetup', '-d', loop)
    for (const loop of this.#cut) sh('losetup', '-d', loop)
    this.#shown.clear()
  }
}

function numberOf(node: string): string {
  const { rdev } = statSync(node)
  return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`
}

function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim()
}
