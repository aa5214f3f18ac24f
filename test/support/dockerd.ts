import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Machine, type Outcome, outcomeOf } from './machine.ts'

/** The image that containers of the tests are made of: a static busybox and nothing else. */
export const image = 'remora-test'

const APPLETS =
  'cat cp dd df echo grep head ls md5sum mount rm sh sleep stat sync touch tr true wc'.split(' ')

/** How an engine is started. */
export interface EngineOptions {
  /** Containers run on while the engine does not. */
  readonly liveRestore?: boolean
  /** Words before `dockerd` that put it somewhere and become it, asked at every start: `nsenter --net=…`. */
  readonly within?: () => readonly string[]
}

/** A Docker engine on a machine, which finds plugins in that machine's own /run/docker/plugins. */
export class Engine {
  readonly #machine: Machine
  readonly #options: EngineOptions
  #daemon: ChildProcess | undefined

  constructor(machine: Machine, options: EngineOptions = {}) {
    this.#machine = machine
    this.#options = options
  }

  /** What `DOCKER_HOST` is for its clients. */
  get address(): string {
    return `unix://${this.#directory}/sock`
  }

  /** Starts it; the first time it also gets the image. Also after `kill`. */
  async start(): Promise<void> {
    const directory = this.#directory
    const isFirst = mkdirSync(join(directory, 'exec'), { recursive: true }) !== undefined
    const temporary = join(directory, 'tmp')
    mkdirSync(temporary, { recursive: true })
    // What a killed engine leaves behind would make the next one wait for processes that are gone.
    rmSync(join(directory, 'pid'), { force: true })
    rmSync(join(directory, 'exec/containerd/containerd.pid'), { force: true })
    this.#machine.write('docker/daemon.json', '{}')
    const log = openSync(join(directory, 'log'), 'a')
    const within = this.#options.within?.() ?? []
    const [command = 'dockerd', ...args] = [...within, 'dockerd', ...this.#arguments()]
    this.#daemon = this.#machine.spawn(command, args, {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', log, log],
    })
    await this.#untilReady()
    if (isFirst) await this.#importImage()
  }

  /** Ends it as a shutdown does: containers are stopped, unless they are to be restored. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Ends it, and its containerd, as a crash does: containers run on, nobody is told. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
    const pidFile = join(this.#directory, 'exec/containerd/containerd.pid')
    await eventually('containerd to end with its engine', () => !isAlive(pidOf(pidFile)))
  }

  /** Runs one docker command; rejects with what it said when it fails. Resolves with its trimmed output. */
  async docker(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.attempt(...args)
    if (status !== 0)
      throw new Error(`docker ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`)
    return stdout.trim()
  }

  /** Runs one docker command that may fail. */
  attempt(...args: readonly string[]): Promise<Outcome> {
    return outcomeOf(spawn('docker', args, { env: this.#clientEnvironment() }))
  }

  /** Runs a shell command in a new container that is removed at once; `flags` go before the image. */
  sh(command: string, ...flags: readonly string[]): Promise<string> {
    return this.docker(...runFlags, '--rm', ...flags, image, 'sh', '-c', command)
  }

  /** Starts a container that sleeps, and resolves with its id. */
  sleeper(...flags: readonly string[]): Promise<string> {
    return this.docker(...runFlags, '-d', '--stop-timeout', '1', ...flags, image, 'sleep', '1000')
  }

  /** Everything the engine logged. */
  log(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8')
  }

  get #directory(): string {
    return join(this.#machine.home, 'docker')
  }

  #clientEnvironment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      DOCKER_HOST: this.address,
      DOCKER_CONFIG: join(this.#directory, 'client'),
    }
  }

  #arguments(): string[] {
    const directory = this.#directory
    return [
      ...['--config-file', `${directory}/daemon.json`],
      ...['--data-root', `${directory}/data`, '--exec-root', `${directory}/exec`],
      ...['-H', this.address, '-p', `${directory}/pid`],
      ...['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
      '--bridge=none',
      ...(this.#options.liveRestore === true ? ['--live-restore'] : []),
    ]
  }

  async #untilReady(): Promise<void> {
    await eventually(
      'the engine to answer',
      async () => {
        if ((this.#daemon?.exitCode ?? this.#daemon?.signalCode ?? null) !== null)
          throw new Error(`dockerd ended:\n${this.log()}`)
        return (await this.attempt('version')).status === 0
      },
      60_000,
    )
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon
    daemon?.kill(signal)
    await eventually('dockerd to end', () => daemon?.exitCode ?? daemon?.signalCode, 60_000)
  }

  async #importImage(): Promise<void> {
    const root = join(this.#directory, 'image')
    for (const folder of ['bin', 'tmp']) mkdirSync(join(root, folder), { recursive: true })
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
    const archive = join(this.#directory, 'image.tar')
    await outcomeOf(spawn('tar', ['-c', '-f', archive, '-C', root, '.']))
    await this.docker('import', archive, image)
  }
}

const runFlags = ['run', '--network', 'none']

function pidOf(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch {
    return undefined
  }
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
