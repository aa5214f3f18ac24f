import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run, type RunResult } from '../../libstorage/run.ts'

const UNITS = 'etc/systemd/system'
/** Where packages put them. */
const PACKAGED = ['usr/lib/systemd/system', 'lib/systemd/system']
const NAMES = ['remora.service', 'rexray.service']
/** A stop waits for calls under way. */
const TIMEOUT_MS = 240_000

/** The systemd of a machine, or of an image of one that lies in a folder. */
export class Systemd {
  readonly #root: string
  readonly #run: Run

  constructor(root: string, run: Run) {
    this.#root = root
    this.#run = run
  }

  /** Whether it runs this machine; sd_booted(3). An image's never does. */
  isBooted(): boolean {
    return this.#root === '/' && existsSync('/run/systemd/system')
  }

  /** Where a unit of ours is written. */
  pathOf(unit: string): string {
    return join(this.#root, UNITS, unit)
  }

  /** The unit that starts this program here, if one is installed. */
  installed(): string | undefined {
    const folders = [UNITS, ...PACKAGED].map((folder) => join(this.#root, folder))
    return NAMES.find((name) => folders.some((folder) => existsSync(join(folder, name))))
  }

  /** Runs systemctl. Rejects with `FailedPreconditionError` where it is not installed, or says no. */
  async control(...args: readonly string[]): Promise<RunResult> {
    const where = this.#root === '/' ? [] : [`--root=${this.#root}`]
    const result = await this.#run('systemctl', [...where, ...args], { timeoutMs: TIMEOUT_MS })
    if (result.exitCode === 0) return result
    throw new FailedPreconditionError({
      subject: `systemctl ${args.join(' ')}`,
      problem: `failed: ${lastLine(result)}`,
      remedy: 'look at journalctl',
    })
  }
}
