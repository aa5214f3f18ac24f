import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pluginConfig } from '../docker-plugin.ts'
import type { EbsMachineSettings } from '../ebs-machines.ts'
import { diskMounts } from '../ec2/host.ts'
import { eventually, type Outcome } from '../machine.ts'
import type { PluginFiles, PluginFolder } from '../plugin-image.ts'
import { BOOT_ID, type NodeParts, SwarmNode } from './node.ts'

const NAME = 'rexray'
/** Where the plugin sees the folder with the id of the machine's boot. */
const BOOT = '/boot-of-machine'
const MOUNT = 'LIBSTORAGE_INTEGRATION_VOLUME_OPERATIONS_MOUNT'

/** What the root file system of a node's plugin has besides: a plugin has a /proc of its own. */
export const PLUGIN_FILES: PluginFiles = {
  'boot.sh': `#!/bin/sh
mount --bind ${BOOT}/id /proc/sys/kernel/random/boot_id && exec "$@"
`,
}

/** A node whose engine runs Remora as the managed plugin `rexray`, set up by `docker plugin set` alone. */
export class ManagedNode extends SwarmNode {
  readonly #plugin: PluginFolder
  #settings: readonly string[] = []
  #id = ''

  constructor(parts: NodeParts, plugin: PluginFolder) {
    super(parts)
    this.#plugin = plugin
  }

  protected override tell(settings: EbsMachineSettings): void {
    const { fsType = 'ext4', preempt = false, attachWait = '', preemptGrace = '' } = settings
    this.#settings = [
      ...['EBS_ACCESSKEY=AKIDEXAMPLE', 'EBS_SECRETKEY=secret', 'REXRAY_LOGLEVEL=info'],
      `EBS_ENDPOINT=${this.simulator.endpoint}`,
      `EBS_METADATAENDPOINT=${this.instance.metadata.endpoint}`,
      ...[`REXRAY_FSTYPE=${fsType}`, `REXRAY_PREEMPT=${preempt}`],
      ...[`${MOUNT}_ATTACHWAIT=${attachWait}`, `${MOUNT}_PREEMPTGRACE=${preemptGrace}`],
    ]
  }

  override async start(): Promise<void> {
    await this.port.reach(this.simulator.endpoint)
    await this.port.reach(this.instance.metadata.endpoint)
    await this.engine.start()
    const boot = {
      ...{ name: 'boot', description: 'the boot of this machine', type: 'bind' },
      ...{ source: join(this.machine.home, dirname(BOOT_ID)), destination: BOOT },
      options: ['rbind', 'ro'],
    }
    await this.#plugin.create(this.engine, NAME, {
      ...pluginConfig,
      entrypoint: ['/boot.sh', ...pluginConfig.entrypoint],
      mounts: [...pluginConfig.mounts, boot, ...diskMounts(this.instance)],
    })
    this.#id = await this.engine.docker('plugin', 'inspect', '--format', '{{.Id}}', NAME)
    await this.enable()
  }

  /** Sets the plugin as it is configured, and starts it. */
  async enable(): Promise<void> {
    await this.engine.docker('plugin', 'set', NAME, ...this.#settings)
    await this.engine.docker('plugin', 'enable', NAME)
  }

  /** Stops the plugin, whoever uses its volumes. */
  async disable(): Promise<void> {
    await this.engine.docker('plugin', 'disable', '--force', NAME)
  }

  override async restartRemora(): Promise<void> {
    await this.disable()
    await this.enable()
  }

  /** An engine that lives starts it again at once. */
  override async killRemora(): Promise<void> {
    const pids = this.#processes()
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await eventually('the plugin to end', () =>
      this.#processes().every((pid) => !pids.includes(pid)),
    )
  }

  /** The command line within the plugin. */
  override command(...args: readonly string[]): Promise<Outcome> {
    const running = join(this.machine.home, 'docker/exec/runtime-runc/plugins.moby')
    return this.machine.run('runc', ['--root', running, 'exec', this.#id, 'remora', ...args])
  }

  override get volumesFolder(): string {
    return join(this.#kept, 'volumes')
  }

  protected override get volumesFolders(): readonly string[] {
    return [this.volumesFolder, join(pluginConfig.propagatedMount, 'volumes')]
  }

  override output(): string {
    const log = join(this.logFolder, 'rexray.log')
    return existsSync(log) ? readFileSync(log, 'utf8') : ''
  }

  protected override get logFolder(): string {
    return join(this.#kept, 'log')
  }

  protected override async startAtBoot(): Promise<void> {
    await this.engine.start()
  }

  /** What outlives the plugin's process, as the engine shows it. */
  get #kept(): string {
    return join(this.machine.home, 'docker/data/plugins', this.#id, 'propagated-mount')
  }

  #processes(): number[] {
    return this.machine.processes().filter((pid) => commandLine(pid).includes('rexray start'))
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
