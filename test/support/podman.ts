import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Machine, type Outcome, outcomeOf } from './machine.ts'

/** The image that Podman's containers of the tests are made of: a static busybox and nothing else. */
export const podmanImage = 'remora-test'

const APPLETS = 'cat echo grep ls sh sleep sync touch true'.split(' ')

/** Why Podman cannot be tested here; undefined where it can. */
export const podmanUnavailable = isInstalled('podman') ? undefined : 'podman is not installed'

/** What stands in Podman's configuration. */
export interface PodmanOptions {
  /** Plugin names and their sockets; `rexray` at the machine's usual place unless given. */
  readonly plugins?: Readonly<Record<string, string>>
  /** How long it waits for a plugin; its own 5 s unless given. */
  readonly timeoutSeconds?: number
}

/** Podman on a machine, with storage and configuration of its own. There is no daemon: each command is a process. */
export class Podman {
  readonly #machine: Machine
  readonly #directory: string

  constructor(machine: Machine, options: PodmanOptions = {}) {
    this.#machine = machine
    this.#directory = join(machine.home, 'podman')
    this.configure(options)
  }

  /** Writes its containers.conf; the next command goes by it. */
  configure({ plugins, timeoutSeconds }: PodmanOptions): void {
    const sockets = plugins ?? {
      rexray: join(this.#machine.home, 'run/docker/plugins/rexray.sock'),
    }
    const lines = [
      '[engine]',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      'lock_type = "file"',
      ...(timeoutSeconds === undefined ? [] : [`volume_plugin_timeout = ${timeoutSeconds}`]),
      '[engine.volume_plugins]',
      ...Object.entries(sockets).map(([name, socket]) => `${name} = "${socket}"`),
    ]
    this.#machine.write('podman/containers.conf', `${lines.join('\n')}\n`)
  }

  /** Makes the image; once, before the first container. */
  async importImage(): Promise<void> {
    const root = join(this.#directory, 'image')
    for (const folder of ['bin', 'tmp']) mkdirSync(join(root, folder), { recursive: true })
    copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
    const archive = join(this.#directory, 'image.tar')
    await this.#machine.run('tar', ['-c', '-f', archive, '-C', root, '.'])
    await this.podman('import', '-q', archive, podmanImage)
  }

  /** Runs one command; rejects with what it said when it fails. Resolves with its trimmed output. */
  async podman(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.attempt(...args)
    if (status !== 0)
      throw new Error(`podman ${args.join(' ')} ended with ${status}: ${stderr}${stdout}`)
    return stdout.trim()
  }

  /** Runs one command that may fail. */
  attempt(...args: readonly string[]): Promise<Outcome> {
    return outcomeOf(this.begin(...args))
  }

  /** Starts one command, for whoever wants to kill it; the child's pid is Podman's own. */
  begin(...args: readonly string[]): ChildProcess {
    return this.#machine.spawn('podman', [...this.#flags(), ...args], {
      env: {
        PATH: process.env['PATH'],
        HOME: this.#directory,
        CONTAINERS_CONF: join(this.#directory, 'containers.conf'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Runs a shell command in a new container that is removed at once; `flags` go before the image. */
  sh(command: string, ...flags: readonly string[]): Promise<string> {
    return this.podman(...podmanRun, '--rm', ...flags, podmanImage, 'sh', '-c', command)
  }

  /** Starts a container that sleeps, and resolves with its id. */
  sleeper(...flags: readonly string[]): Promise<string> {
    const forever = [podmanImage, 'sleep', '1000']
    return this.podman(...podmanRun, '-d', '--stop-timeout', '1', ...flags, ...forever)
  }

  #flags(): string[] {
    const directory = this.#directory
    return [
      ...['--root', `${directory}/root`, '--runroot', `${directory}/run`],
      ...['--tmpdir', `${directory}/tmp`, '--storage-driver', 'vfs'],
      ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
    ]
  }
}

/** How every container is started: without a network, and within limits that any machine allows. */
export const podmanRun = [
  ...['run', '--network', 'none'],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
]

function isInstalled(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
