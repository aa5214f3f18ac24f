import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { DiskSource } from './guest.ts'
import type { SimMedium } from './model.ts'

/** Disks that are real block devices: loop devices of sparse files in a folder. Needs root. */
export class LoopDisks implements DiskSource {
  readonly #folder: string
  readonly #loops = new Map<SimMedium, string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  place(medium: SimMedium, node: string): string {
    mkdirSync(this.#folder, { recursive: true })
    const file = path.join(this.#folder, medium.id)
    writeFileSync(file, '', { flag: 'a' })
    truncateSync(file, medium.sizeBytes)
    const loop = sh('losetup', '--find', '--show', file)
    this.#loops.set(medium, loop)
    const { rdev } = statSync(loop)
    const [major, minor] = [(rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00)]
    sh('mknod', node, 'b', String(major), String(minor))
    return `${major}:${minor}`
  }

  /** While somebody has it open it goes with the last who closes it. */
  displace(medium: SimMedium): void {
    const loop = this.#loops.get(medium)
    if (loop === undefined) return
    this.#loops.delete(medium)
    sh('losetup', '--detach', loop)
  }
}

function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).trim()
}
