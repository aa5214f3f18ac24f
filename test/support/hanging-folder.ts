import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

/** Whether this machine cannot have a folder that hangs. */
export const hangingUnavailable = process.getuid?.() !== 0 || !existsSync('/dev/fuse')

/** Holds the other end of the file system, and never answers (fuse(4)). */
const NEVER_ANSWERS = `exec 9<>/dev/fuse
mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 hanging "$1" && echo hangs
read -r end`

/** A folder on a file system that answers nobody: whoever looks at it waits until he is killed, or until its end. */
export class HangingFolder {
  readonly #folder: string
  readonly #holder: ChildProcess

  private constructor(folder: string, holder: ChildProcess) {
    this.#folder = folder
    this.#holder = holder
  }

  /** Makes a folder that is there hang. */
  static async make(folder: string): Promise<HangingFolder> {
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    const holder = spawn('sh', ['-c', NEVER_ANSWERS, 'sh', folder], { stdio: [...stdio] })
    if (holder.stdout !== null) await once(holder.stdout, 'data')
    return new HangingFolder(folder, holder)
  }

  async end(): Promise<void> {
    const ended = once(this.#holder, 'exit')
    this.#holder.kill('SIGKILL')
    await ended
    spawnSync('umount', ['-l', this.#folder])
  }
}
