import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const GIB = 1_073_741_824

interface Left {
  readonly file: string
  /** What it held when it was left. */
  readonly copy: string
}

/** The bytes of all volumes, each in a sparse file. Where a disk is pulled, its loser keeps the old file and nobody reads it again. */
export class VolumeFiles {
  readonly #folder: string
  readonly #generations = new Map<string, number>()
  readonly #left = new Map<string, Left[]>()

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** The file of a volume, made when it is first used. */
  of(volumeId: string, sizeGiB: number): string {
    const file = this.#file(volumeId)
    if (!existsSync(file)) writeFileSync(file, '')
    truncateSync(file, sizeGiB * GIB)
    return file
  }

  grow(volumeId: string, sizeGiB: number): void {
    truncateSync(this.#file(volumeId), sizeGiB * GIB)
  }

  /** The volume goes on in a copy: what is written through the old device from now on is the loser's alone. */
  leave(volumeId: string): void {
    const file = this.#file(volumeId)
    this.#generations.set(volumeId, (this.#generations.get(volumeId) ?? 0) + 1)
    const copy = `${file}.left`
    for (const to of [this.#file(volumeId), copy]) execFileSync('cp', ['--sparse=always', file, to])
    this.#left.set(volumeId, [...(this.#left.get(volumeId) ?? []), { file, copy }])
  }

  /** How many bytes losers of this volume have written to it since they lost it; anything but 0 is corruption. */
  lateWrites(volumeId: string): number {
    return (this.#left.get(volumeId) ?? []).reduce((sum, one) => sum + differences(one), 0)
  }

  #file(volumeId: string): string {
    return path.join(this.#folder, `${volumeId}-${this.#generations.get(volumeId) ?? 0}`)
  }
}

function differences({ file, copy }: Left): number {
  const { status, stdout } = spawnSync('cmp', ['-l', file, copy], { encoding: 'utf8' })
  return status === 0 ? 0 : stdout.split('\n').length - 1
}
