import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from './dockerd.ts'
import { eventually, Machine, outcomeOf, projectDirectory } from './machine.ts'
import { PluginRegistry } from './plugin-registry.ts'

/** An engine with a registry beside it, to which managed plugins are built by the project's own script. */
export class PluginHost {
  readonly machine: Machine
  readonly engine: Engine
  readonly registry: PluginRegistry

  private constructor(machine: Machine, registry: PluginRegistry) {
    this.machine = machine
    this.engine = new Engine(machine)
    this.registry = registry
  }

  /** `end` must be called however the test ends. */
  static async start(): Promise<PluginHost> {
    const host = new PluginHost(await Machine.start(), await PluginRegistry.start())
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

  /** Runs the script behind the make targets; resolves with what it said. */
  async build(step: 'plugin' | 'push' | 'image', name: string): Promise<string> {
    const { status, stdout, stderr } = await outcomeOf(
      spawn(process.execPath, [join(projectDirectory, 'docker-plugin/build.mjs'), step], {
        env: {
          PATH: process.env['PATH'],
          TMPDIR: this.machine.home,
          DOCKER_HOST: this.engine.address,
          NAME: name,
          IMAGE: 'remora/plugin-test:1',
          WITHOUT: lackedCapabilities().join(' '),
        },
      }),
    )
    if (status !== 0) throw new Error(`build.mjs ${step} ended with ${status}: ${stderr}${stdout}`)
    return stdout
  }

  /** The folder of a plugin on the machine: `rootfs`, `propagated-mount`. */
  async folderOf(plugin: string): Promise<string> {
    const id = await this.engine.docker('plugin', 'inspect', '--format', '{{.Id}}', plugin)
    return join(this.machine.home, 'docker/data/plugins', id)
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

/** What plugins want and the machine of the tests may lack itself; CAP_SYS_RESOURCE is bit 24 (capabilities(7)). */
function lackedCapabilities(): string[] {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return (BigInt(`0x${bounding ?? '0'}`) >> 24n) & 1n ? [] : ['CAP_SYS_RESOURCE']
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
