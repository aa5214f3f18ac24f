import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DockerClient } from './docker-client.ts'
import { Engine, type EngineOptions, image } from './dockerd.ts'
import { eventually, Machine, type Outcome, outcomeOf } from './machine.ts'
import { lackedCapabilities, type PluginFiles, PluginFolder, PluginImage } from './plugin-image.ts'
import { PluginRegistry } from './plugin-registry.ts'

const WRITE = 'while true; do echo line >> /d/lines; sync; sleep 0.1; done'

/** An engine with a registry beside it, to which managed plugins are built by the project's own script. */
export class PluginHost {
  readonly machine: Machine
  readonly engine: Engine
  readonly registry: PluginRegistry
  readonly #image: PluginImage

  private constructor(machine: Machine, registry: PluginRegistry, options: EngineOptions) {
    this.machine = machine
    this.engine = new Engine(machine, options)
    this.registry = registry
    this.#image = new PluginImage(this.engine, machine.home)
  }

  /** `end` must be called however the test ends. */
  static async start(options: EngineOptions = {}): Promise<PluginHost> {
    const host = new PluginHost(await Machine.start(), await PluginRegistry.start(), options)
    await host.engine.start()
    return host
  }

  /** Where the loop provider has its files, on the machine; `pool.source` is the folder above. */
  get pool(): string {
    return join(this.machine.home, 'pool/remora-loop')
  }

  /** A name in the registry: `127.0.0.1:4711/remora/rexray:1`. */
  named(tag: string): string {
    return `${this.registry.host}/remora/rexray:${tag}`
  }

  /** Runs the script behind the make targets, with the image that it builds on if there is one; resolves with what it said. */
  build(step: 'plugin' | 'push' | 'image', name: string, base?: string): Promise<string> {
    return this.#image.build(step, name, base)
  }

  /** Makes a plugin of the image that `build` has made, with a config.json and further executable files of its own. */
  async create(name: string, config: object, files: PluginFiles = {}): Promise<void> {
    const folder = await this.#image.unpack(files)
    await folder.create(this.engine, name, config)
  }

  /** Makes a plugin of a folder that has its rootfs, with as much of a config.json as this machine can grant. */
  async createOf(name: string, folder: string, config: object): Promise<void> {
    await new PluginFolder(folder).create(this.engine, name, config)
  }

  /** Enables a plugin; resolves with the milliseconds until its socket answered a call. */
  async enable(plugin: string): Promise<number> {
    const folder = join(this.machine.home, 'run/docker/plugins', await this.#idOf(plugin))
    // The path of a socket may have 107 bytes.
    const door = join(this.machine.home, 'door')
    rmSync(door, { force: true })
    symlinkSync(folder, door)
    const client = new DockerClient({ path: join(door, 'rexray.sock') })
    const answers = () =>
      client.call('Capabilities').then(
        ({ status }) => status === 200,
        () => false,
      )
    const begun = performance.now()
    const enabled = this.engine.docker('plugin', 'enable', plugin)
    const answered = eventually('the socket of the plugin to answer', answers)
    const tookMs = answered.then(() => Math.round(performance.now() - begun))
    await enabled
    return await tookMs
  }

  #idOf(plugin: string): Promise<string> {
    return this.engine.docker('plugin', 'inspect', '--format', '{{.Id}}', plugin)
  }

  /** Starts a container that writes a line to its volume again and again; resolves with its id. */
  writer(plugin: string, volume: string): Promise<string> {
    const flags = ['-d', '--network', 'none', '--stop-timeout', '1', ...volumeFlags(plugin, volume)]
    return this.engine.docker('run', ...flags, image, 'sh', '-c', WRITE)
  }

  /** Resolves when a writer has written more than it had. */
  async writesOn(writer: string): Promise<void> {
    const lines = async () =>
      Number(await this.engine.docker('exec', writer, 'sh', '-c', 'wc -l < /d/lines'))
    const before = await lines()
    await eventually('the container to write on', async () => (await lines()) > before)
  }

  /** How many lines another container finds. */
  async lines(plugin: string, volume: string): Promise<number> {
    return Number(await this.sh('wc -l < /d/lines', plugin, volume))
  }

  /** Runs a shell command in a container of its own with the volume at /d. */
  sh(command: string, plugin: string, volume: string): Promise<string> {
    return this.engine.sh(command, ...volumeFlags(plugin, volume))
  }

  /** Runs a command in an enabled plugin, as its own process runs. */
  async within(plugin: string, ...command: readonly string[]): Promise<Outcome> {
    const id = await this.engine.docker('plugin', 'inspect', '--format', '{{.Id}}', plugin)
    const root = join(this.machine.home, 'docker/exec/runtime-runc/plugins.moby')
    return await this.machine.run('runc', ['--root', root, 'exec', id, ...command])
  }

  /** The folder of a plugin on the machine: `rootfs`, `propagated-mount`. */
  async folderOf(plugin: string): Promise<string> {
    return join(this.machine.home, 'docker/data/plugins', await this.#idOf(plugin))
  }

  /** The events of a plugin's volumes so far, as `mounted data`. */
  async events(plugin: string): Promise<string[]> {
    const file = join(await this.folderOf(plugin), 'propagated-mount/log/events.jsonl')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line)).map(({ kind, volume }) => `${kind} ${volume}`)
  }

  /** The process of the one plugin that runs. */
  process(): Promise<number> {
    return eventually('the process of the plugin', () =>
      this.machine.processes().find((pid) => commandLine(pid).includes('/usr/bin/rexray start')),
    )
  }

  /** Loop devices of the pool, whatever their files are called in the namespace that made them. */
  async loops(): Promise<string[]> {
    const files = entries(this.pool).map((volume) => join(this.pool, volume, 'disk'))
    const listed = await Promise.all(
      files.map((file) => outcomeOf(spawn('losetup', ['--noheadings', '-O', 'NAME', '-j', file]))),
    )
    return listed.flatMap(({ stdout }) => stdout.split(/\s+/).filter((word) => word !== ''))
  }

  async end(): Promise<void> {
    await this.machine.killAll()
    for (const device of await this.loops()) await outcomeOf(spawn('losetup', ['-d', device]))
    await this.machine.end()
    await this.registry.close()
  }
}

function volumeFlags(plugin: string, volume: string): readonly string[] {
  return ['--volume-driver', plugin, '-v', `${volume}:/d`]
}

/** The flags of a privileged container; a machine that lacks a capability can make none, but one that is as good here. */
export function privileged(): readonly string[] {
  if (lackedCapabilities().length === 0) return ['--privileged']
  const rights = ['--cap-add', 'SYS_ADMIN', '--device-cgroup-rule', 'a *:* rwm']
  return [
    ...rights,
    '--security-opt',
    'seccomp=unconfined',
    '--security-opt',
    'apparmor=unconfined',
  ]
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith('.'))
  } catch {
    return []
  }
}
