import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { run } from '../../src/libstorage/run.ts'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import type { ProviderDefinition } from '../../src/providers/definition.ts'

const execute = promisify(execFile)

/** Runs a tool and returns what it said; rejects when it fails. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  return (await execute(command, args)).stdout.trim()
}

/** A temporary folder with a pool in it, and everything a test leaves there: mounts, loop devices, files. */
export class PoolWorld {
  readonly root: string
  readonly pool: string

  private constructor(root: string) {
    this.root = root
    this.pool = join(root, 'pool')
  }

  static async make(): Promise<PoolWorld> {
    const world = new PoolWorld(await realpath(await mkdtemp(join(tmpdir(), 'remora-pool-'))))
    await mkdir(world.pool)
    return world
  }

  /** The provider of a machine of this name that uses the pool. */
  provider(definition: ProviderDefinition, instance: string): Promise<Provider> {
    return definition.create(
      { pool: this.pool, instance },
      { service: definition.name, libDirectory: this.root, run },
    )
  }

  /** A folder on a file system of its own, of so many MiB, at this place. */
  async fileSystem(path: string, sizeMiB: number): Promise<void> {
    const image = join(this.root, `${path.replaceAll('/', '-')}.img`)
    await sh('truncate', '-s', `${sizeMiB}M`, image)
    await sh('mkfs.ext4', '-q', '-F', '-m', '0', image)
    await mkdir(path, { recursive: true })
    await sh('mount', '-o', 'loop', image, path)
  }

  async cleanup(): Promise<void> {
    if (process.getuid?.() === 0) {
      await this.#unmountAll()
      await this.#detachAll()
      await this.#unmountAll()
    }
    await rm(this.root, { recursive: true, force: true })
  }

  async #unmountAll(): Promise<void> {
    const listed = await sh('findmnt', '--raw', '--noheadings', '--output', 'TARGET')
    const mounts = listed.split('\n').map((path) => path.replaceAll('\\x20', ' '))
    const ours = mounts.filter((path) => path.startsWith(`${this.root}/`)).reverse()
    for (const path of ours) if (!path.startsWith(this.pool)) await sh('umount', '-l', path)
    for (const path of ours) if (path.startsWith(`${this.pool}/`)) await sh('umount', '-l', path)
    await this.#detachAll()
    if (ours.includes(this.pool)) await sh('umount', '-l', this.pool)
  }

  async #detachAll(): Promise<void> {
    const lines = (
      await sh('losetup', '--list', '--raw', '--noheadings', '-O', 'NAME,BACK-FILE')
    ).split('\n')
    for (const line of lines) {
      const [device, file] = line.split(' ')
      if (device && file?.startsWith(`${this.pool}/`)) await sh('losetup', '-d', device)
    }
  }
}
