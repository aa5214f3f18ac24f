import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NEVER_READS = fileURLToPath(new URL('hanging-file.mjs', import.meta.url))

/** Holds the other end of the file system (fuse(4)). */
const SERVE = `exec 9<>/dev/fuse
mount -i -t fuse -o fd=9,rootmode=100600,user_id=0,group_id=0 hanging "$1" && echo hangs
exec "$2" "$3" "$4"`

/** A file that has a size and never answers a read: whoever reads it waits until he is killed, or until its end. */
export class HangingFile {
  readonly path: string
  readonly #holder: ChildProcess

  private constructor(path: string, holder: ChildProcess) {
    this.path = path
    this.#holder = holder
  }

  /** Makes a file at a path where nothing is. */
  static async make(path: string, sizeBytes: number): Promise<HangingFile> {
    writeFileSync(path, '')
    const words = [path, process.execPath, NEVER_READS, String(sizeBytes)]
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const holder = spawn('sh', ['-c', SERVE, 'sh', ...words], { stdio: [...stdio] })
    if (holder.stdout !== null) await once(holder.stdout, 'data')
    return new HangingFile(path, holder)
  }

  /** Lets all who wait for it go, with an error. */
  async end(): Promise<void> {
    const ended = once(this.#holder, 'exit')
    this.#holder.kill('SIGKILL')
    await ended
    spawnSync('umount', ['-l', this.path])
  }
}
