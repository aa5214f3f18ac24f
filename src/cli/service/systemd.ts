import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Directories } from '../../config/config.ts'
import { resolveDirectories } from '../../config/directories.ts'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run, type RunResult } from '../../libstorage/run.ts'
import { readUnit, startsScript, type UnitFile } from './unit-file.ts'

const UNITS = 'etc/systemd/system'
const NAMES = ['remora.service', 'rexray.service']
/** A stop waits for calls under way. */
const TIMEOUT_MS = 240_000

/** A systemd, and where its files lie. */
export interface SystemdPlace {
  /** The root of its file system: `/`, or the folder of an image. */
  readonly root: string
  /** Whether it runs this machine; that of an image never does. */
  readonly isBooted: boolean
}

/** The systemd of this machine; sd_booted(3). */
export function ownSystemd(): SystemdPlace {
  return { root: '/', isBooted: existsSync('/run/systemd/system') }
}

/** The server that a unit is asked for. */
export interface WantedServer {
  readonly script: string
  readonly directories: Directories
}

/** The systemd of a machine, or of an image of one that lies in a folder. */
export class Systemd {
  readonly isBooted: boolean
  readonly #root: string
  readonly #run: Run

  constructor({ root, isBooted }: SystemdPlace, run: Run) {
    this.#root = root
    this.isBooted = isBooted
    this.#run = run
  }

  /** Where a unit of ours is written. */
  pathOf(unit: string): string {
    return join(this.#root, UNITS, unit)
  }

  /** The unit that starts this program, and for this home; undefined where systemd does not run, or has none. */
  unitFor({ script, directories }: WantedServer): string | undefined {
    return this.#units().find(
      (unit) =>
        (unit.isTitledOurs || startsScript(unit, script)) &&
        isDeepStrictEqual(directoriesOf(unit), directories),
    )?.name
  }

  /** The unit whose server is this process; undefined where none is. */
  async unitOf(pid: number): Promise<string | undefined> {
    for (const { name } of this.#units()) {
      if ((await this.state(name)).get('MainPID') === String(pid)) return name
    }
    return undefined
  }

  /** What systemd knows of a unit: its properties by name. Empty where systemctl says nothing. */
  async state(unit: string): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.control('show', unit, `--property=${PROPERTIES.join(',')}`)
    const pairs = stdout.split('\n').map((line) => /^(\w+)=(.*)$/.exec(line) ?? [])
    return new Map(pairs.map(([, name = '', value = '']) => [name, value]))
  }

  /** Runs systemctl. Rejects with `FailedPreconditionError` where it is not installed, or says no. */
  async control(...args: readonly string[]): Promise<RunResult> {
    const where = this.#root === '/' || this.isBooted ? [] : [`--root=${this.#root}`]
    const result = await this.#run('systemctl', [...where, ...args], { timeoutMs: TIMEOUT_MS })
    if (result.exitCode === 0) return result
    throw new FailedPreconditionError({
      subject: `systemctl ${args.join(' ')}`,
      problem: `failed: ${lastLine(result)}`,
      remedy: 'look at journalctl',
    })
  }

  #units(): readonly UnitFile[] {
    if (!this.isBooted) return []
    return NAMES.flatMap((name) => readUnit(this.#root, name) ?? [])
  }
}

const PROPERTIES = ['MainPID', 'ActiveState', 'SubState', 'Result', 'NRestarts']

/** Systemd starts it as root. */
function directoriesOf({ home }: UnitFile): Directories {
  return resolveDirectories({ env: home, uid: 0, homeDirectory: '/root' })
}
