import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Machine, Outcome } from './machine.ts'

/** Lays a file system over the one of this machine, in memory: what is written to it is seen nowhere else. */
const LAY = `
cd "$1" && mkdir overlay root && mount -t tmpfs -o mode=755 tmpfs overlay && mkdir overlay/upper overlay/work &&
mount -t overlay -o lowerdir=/,upperdir=overlay/upper,workdir=overlay/work overlay root &&
for folder in proc sys dev; do mount --rbind /$folder root/$folder || exit; done &&
mount -t tmpfs tmpfs root/run && mount -t tmpfs tmpfs root/tmp
`

/** A systemctl that writes down what it is asked, and knows the units in /run/units: their main processes. */
const SYSTEMCTL = `#!/bin/sh
case "$1" in
  is-active) [ -e "/run/units/$3" ]; exit ;;
  show) cat "/run/units/$4"; exit ;;
esac
echo "systemctl $*" >> /run/asked
`

/** The files of this machine with packages and programs that come and go as a test wants, and a systemd that is played. */
export class ThrowawayRoot {
  readonly #machine: Machine

  private constructor(machine: Machine) {
    this.#machine = machine
  }

  /** Makes one that ends with the machine. */
  static async on(machine: Machine): Promise<ThrowawayRoot> {
    const laid = await machine.run('sh', ['-c', LAY, 'sh', machine.home])
    if (laid.status !== 0) throw new Error(`the files cannot be laid over: ${laid.stderr}`)
    const root = new ThrowawayRoot(machine)
    root.write('/usr/bin/systemctl', SYSTEMCTL)
    for (const folder of ['/run/systemd/system', '/run/units'])
      mkdirSync(root.path(folder), { recursive: true })
    await root.sh(`[ -e /usr/bin/node ] || ln -s ${process.execPath} /usr/bin/node`)
    return root
  }

  /** A path of it, as seen from outside. */
  path(path: string): string {
    return this.#machine.path(join(this.#machine.home, 'root', path))
  }

  /** Writes a file that may be run. */
  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true })
    writeFileSync(this.path(path), text, { mode: 0o755 })
  }

  /** Runs a line of shell in it. */
  sh(line: string): Promise<Outcome> {
    const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`
    return this.#machine.run('chroot', [join(this.#machine.home, 'root'), 'sh', '-c', line], {
      PATH,
      DEBIAN_FRONTEND: 'noninteractive',
      LC_ALL: 'C',
    })
  }

  /** What systemd was asked to do since the last look. */
  async asked(): Promise<string[]> {
    const { stdout } = await this.sh('cat /run/asked; rm -f /run/asked')
    return stdout.split('\n').filter((line) => line !== '')
  }
}
