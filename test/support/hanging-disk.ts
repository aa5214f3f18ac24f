import { join } from 'node:path'
import { eventually, type Machine } from './machine.ts'

/**
 * A file system of its own under one volume's folder, which can be stopped: who writes to it waits in the kernel. `end`
 * must be called before the machine's own.
 */
export class HangingDisk {
  readonly #machine: Machine
  #folder: string | undefined
  #isFrozen = false

  constructor(machine: Machine) {
    this.#machine = machine
  }

  /** Moves a volume's files onto it. */
  async putUnder(volume: string): Promise<void> {
    const image = join(this.#machine.home, 'hanging.img')
    const folder = join(this.#machine.home, 'var/lib/loop', volume)
    await this.#sh(`truncate -s 256M ${image} && mkfs.ext4 -q -F -m 0 ${image} &&
      mkdir ${image}.d && mount -o loop ${image} ${image}.d && rmdir ${image}.d/lost+found &&
      cp -a --sparse=always ${folder}/. ${image}.d && mount --move ${image}.d ${folder}`)
    this.#folder = folder
  }

  /** Stops it. */
  async freeze(): Promise<void> {
    await this.#sh(`fsfreeze -f ${this.#folder}`)
    this.#isFrozen = true
  }

  /** Lets it go on. */
  async thaw(): Promise<void> {
    if (this.#isFrozen) await this.#sh(`fsfreeze -u ${this.#folder}`)
    this.#isFrozen = false
  }

  /** The volume has the files again that it had before, once the server has written there that it let go. */
  async takeAway(): Promise<void> {
    await eventually('the files of the volume to be left alone', async () => {
      const { status } = await this.#machine.run('umount', [`${this.#folder}`])
      return status === 0
    })
    this.#folder = undefined
  }

  /** However the test ended: nobody waits for it, and nothing of it is left. */
  async end(): Promise<void> {
    await this.thaw()
    if (this.#folder === undefined) return
    // Without this file system, the loop device of the volume on it would be found by nobody.
    await this.#machine.killAll()
    const { stdout } = await this.#machine.run('losetup', ['-j', join(this.#folder, 'disk')])
    const device = stdout.split(':')[0]
    if (device) await this.#sh(`umount -A -l ${device}; losetup -d ${device}`)
    await this.takeAway()
  }

  async #sh(script: string): Promise<void> {
    const { status, stderr } = await this.#machine.run('sh', ['-c', script])
    if (status !== 0) throw new Error(stderr)
  }
}
