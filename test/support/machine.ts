import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a program ended, and what it said. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The directory that holds this source tree. */
export const projectDirectory = new URL('../..', import.meta.url).pathname

/** The built program. */
export const programPath = join(projectDirectory, 'dist/main.js')

/** What of a machine is its own beyond mounts and files. */
export interface MachineOptions {
  /** A network namespace too, and all of /run. */
  readonly isOneOfSeveral?: boolean
  /** All of /run and not /run/docker alone: engines of the machine below are out of sight, too. */
  readonly hasOwnRun?: boolean
}

/**
 * A machine of its own on this one: a mount namespace with its own /run/docker, and a directory that holds everything
 * (`REXRAY_HOME`, an engine's data). What is mounted on it is seen by nobody else and ends with it. Needs root.
 */
export class Machine {
  /** Everything of this machine that is a file: the program's home too. */
  readonly home: string
  readonly #holder: ChildProcess
  readonly #holderPid: number
  readonly #namespaces: readonly string[]

  private constructor(home: string, holder: ChildProcess, namespaces: readonly string[]) {
    if (holder.pid === undefined) throw new Error('unshare has no pid')
    this.home = home
    this.#holder = holder
    this.#holderPid = holder.pid
    this.#namespaces = namespaces
  }

  /** Starts one; `end` must be called however the test ends. */
  static async start({
    isOneOfSeveral = false,
    hasOwnRun = isOneOfSeveral,
  }: MachineOptions = {}): Promise<Machine> {
    const namespaces = isOneOfSeveral ? ['-m', '-n'] : ['-m']
    const own = hasOwnRun ? '/run' : '/run/docker'
    const home = mkdtempSync(join(tmpdir(), 'remora-e2e-'))
    mkdirSync(join(home, 'run/docker/plugins'), { recursive: true })
    // On the machine below this is the mount point of the namespace's own tmpfs, empty otherwise.
    mkdirSync(own, { recursive: true })
    const holder = spawn(
      'unshare',
      [
        ...[...namespaces, '--propagation', 'private', 'sh', '-c', HOLD, 'sh'],
        ...[join(home, 'run/docker/plugins'), own],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve())
      holder.once('exit', (code) => reject(new Error(`unshare ended with ${code}`)))
    })
    return new Machine(home, holder, namespaces)
  }

  /** A path as this machine sees it, mounts included, usable from outside. */
  path(path: string): string {
    return `/proc/${this.#holderPid}/root${path}`
  }

  /** Writes a file below the home. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.home, path)), { recursive: true })
    writeFileSync(join(this.home, path), text)
  }

  /** Starts a program on this machine; the child's pid is the program's own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const entered = ['-t', String(this.#holderPid), ...this.#namespaces, '--', command, ...args]
    return spawn('nsenter', entered, options)
  }

  /** Runs a program on this machine to its end. */
  run(command: string, args: readonly string[], env = process.env): Promise<Outcome> {
    return outcomeOf(this.spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  /** Mount points below the home, as this machine sees them. */
  mounts(): string[] {
    return readFileSync(`/proc/${this.#holderPid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((point) => point.startsWith(`${this.home}/`))
  }

  /** Loop devices that are attached to files below the home: device and file. */
  loops(): string[] {
    return loopDevices()
      .filter(({ file }) => file.startsWith(`${this.home}/`))
      .map(({ device, file }) => `${device} ${file}`)
  }

  /** Every process in its namespace, and in those of its containers, except the one that holds it. */
  processes(): number[] {
    const own = readlinkSync(`/proc/${this.#holderPid}/ns/mnt`)
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== this.#holderPid)
      .filter((name) => belongsTo(name, own, this.home))
      .map(Number)
  }

  /** Ends everything that is left on it and removes it. */
  async end(): Promise<void> {
    if (this.#holder.signalCode !== null) return
    await this.killAll()
    this.#holder.kill('SIGKILL')
    await eventually('the machine to end', () => this.#holder.exitCode ?? this.#holder.signalCode)
    for (const loop of this.loops()) {
      await outcomeOf(spawn('losetup', ['-d', loop.split(' ')[0] ?? '']))
    }
    await eventually('loop devices to be released', () => this.loops().length === 0)
    // Bare mount points are immutable, and so cannot be removed.
    await outcomeOf(spawn('chattr', ['-R', '-f', '-i', this.home]))
    rmSync(this.home, { recursive: true, force: true })
  }

  /** Kills every process on it. */
  async killAll(): Promise<void> {
    await eventually('the processes of the machine to end', () => {
      const left = this.processes()
      for (const pid of left) killQuietly(pid)
      return left.length === 0
    })
  }
}

/** Runs in the new namespace: lets go of other people's volumes, covers what shall be its own, stays until its input ends. */
const HOLD = `
while read -r id parent numbers root point rest; do
  case "\${rest#* - }" in *" /dev/loop"*) umount -l "$point" ;; esac
done < /proc/self/mountinfo
mount -t tmpfs -o mode=755 tmpfs "$2" &&
mkdir -p /run/docker/plugins &&
mount --bind "$1" /run/docker/plugins &&
echo ready &&
exec cat > /dev/null
`

/** Waits for something to become true, looking again every 50 ms; after `timeoutMs` it throws what it waited for. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 30_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (seen !== false && seen !== undefined && seen !== null) return seen
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`)
    await sleep(50)
  }
}

/** What a child said and how it ended. Rejects only when it cannot be started. */
export function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) =>
      resolve({
        status,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    )
  })
}

/** Every attached loop device with the file behind it. */
export function loopDevices(): { device: string; file: string }[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((name) => ({
      device: `/dev/${name}`,
      file: textOf(`/sys/block/${name}/loop/backing_file`),
    }))
    .filter(({ file }) => file !== '')
}

function belongsTo(pid: string, namespace: string, home: string): boolean {
  try {
    if (readlinkSync(`/proc/${pid}/ns/mnt`) === namespace) return true
  } catch {
    return false
  }
  return textOf(`/proc/${pid}/mountinfo`).includes(`${home}/`)
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
