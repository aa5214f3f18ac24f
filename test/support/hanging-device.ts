import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tool } from './disk-world.ts'

const NEVER_READS = fileURLToPath(new URL('hanging-file.mjs', import.meta.url))
const SIZE_BYTES = 64 * 2 ** 20

/** Holds the other end of the file system (fuse(4)). */
const SERVE = `exec 9<>/dev/fuse
mount -i -t fuse -o fd=9,rootmode=100600,user_id=0,group_id=0 hanging "$1" && echo hangs
exec "$2" "$3" "$4"`

/** A block device that never answers a read: whoever reads it waits until he is killed, or until its end. */
export class HangingDevice {
  /** Its path. */
  readonly device: string
  readonly #file: string
  readonly #holder: ChildProcess

  private constructor(device: string, file: string, holder: ChildProcess) {
    this.device = device
    this.#file = file
    this.#holder = holder
  }

  /** Makes one on a file at a path where nothing is. */
  static async make(file: string): Promise<HangingDevice> {
    writeFileSync(file, '')
    const words = [file, process.execPath, NEVER_READS, String(SIZE_BYTES)]
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const holder = spawn('sh', ['-c', SERVE, 'sh', ...words], { stdio: [...stdio] })
    if (holder.stdout !== null) await once(holder.stdout, 'data')
    const device = await tool('losetup', '--find', '--show', '--', file).catch((error: unknown) => {
      holder.kill('SIGKILL')
      throw error
    })
    return new HangingDevice(device, file, holder)
  }

  /** Lets all who wait for it go, with an error. */
  async fail(): Promise<void> {
    const ended = once(this.#holder, 'exit')
    // It says no when it has ended before.
    if (this.#holder.kill('SIGKILL')) await ended
  }

  /** Nothing of it stays, whoever waited for it. */
  async end(): Promise<void> {
    await this.fail()
    spawnSync('losetup', ['--detach', this.device])
    spawnSync('umount', ['-l', this.#file])
  }
}
