import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../dockerd.ts'
import { EbsMachine, type EbsMachineSettings } from '../ebs-machines.ts'
import { becomeInstance, ebsConfiguration } from '../ec2/host.ts'
import type { Ec2Simulator, SimMachine } from '../ec2/simulator.ts'
import { eventually, type Machine } from '../machine.ts'
import type { ServerProcess } from '../server-process.ts'
import type { Port } from './network.ts'

/** What a node is made of. */
export interface NodeParts {
  readonly simulator: Ec2Simulator
  readonly instance: SimMachine
  readonly port: Port
  readonly machine: Machine
}

/** An instance of EC2 with Remora and an engine, which can be cut off, switched off, and return. */
export class SwarmNode extends EbsMachine {
  readonly hostname: string
  readonly engine: Engine
  protected readonly simulator: Ec2Simulator
  protected readonly port: Port
  #attachWaitMs = 0

  constructor({ simulator, instance, port, machine }: NodeParts) {
    super(instance, machine)
    this.hostname = port.name
    this.engine = new Engine(machine, { within: () => port.within })
    this.simulator = simulator
    this.port = port
  }

  /** Makes the machine that of its instance; nothing runs there yet. */
  async prepare(): Promise<void> {
    await becomeInstance(this.machine, this.instance)
    this.#renewBootId()
    const bootId = '/proc/sys/kernel/random/boot_id'
    await this.tool('mount', '--bind', join(this.machine.home, BOOT_ID), bootId)
  }

  /** How long Remora waits for another machine to let a volume go, as it was told or by itself. */
  get attachWaitMs(): number {
    return this.#attachWaitMs
  }

  /** What Remora is told when it next starts. */
  configure(settings: EbsMachineSettings): void {
    this.#attachWaitMs = Number.parseFloat(settings.attachWait ?? '10s') * 1_000
    this.tell(settings)
  }

  /** Starts Remora and the engine. */
  async start(): Promise<void> {
    await this.serve()
    await this.engine.start()
  }

  /** Has the engine call Remora: a node reports the plugins that were called there, first when it joins, then every 20 s. */
  async warmUp(): Promise<void> {
    await this.engine.docker('volume', 'ls')
  }

  /** Ends Remora as a shutdown does, and starts it again. */
  async restartRemora(): Promise<void> {
    await this.server.stop()
    await this.serve()
  }

  /** Ends Remora as a crash does. */
  async killRemora(): Promise<void> {
    await this.server.kill()
  }

  /** Where Remora mounts volumes. */
  get volumesFolder(): string {
    return join(this.machine.home, 'var/lib/volumes')
  }

  /** Where volumes are mounted on it, in whatever namespace of a process, but for those of containers. */
  volumeMounts(): string[] {
    const folders = this.volumesFolders.map((folder) => `${folder}/`)
    const points = [...this.machine.mounts(), ...this.machine.processes().flatMap(mountPointsOf)]
    const isOfVolume = (point: string) => folders.some((folder) => point.startsWith(folder))
    return [...new Set(points.filter(isOfVolume))]
  }

  /** The folder of volumes, by each path that some namespace has for it. */
  protected get volumesFolders(): readonly string[] {
    return [this.volumesFolder]
  }

  /** Processes of containers that have something mounted at this path. */
  containers(path: string): number[] {
    return this.machine.processes().filter((pid) => mountPointsOf(pid).includes(path))
  }

  /** Starts its server; what it does stands in its output. */
  override serve(): Promise<ServerProcess> {
    return super.serve({ REXRAY_LOGLEVEL: 'info' })
  }

  /** Its engine is cut off from the others; the instance runs on, and reaches EC2. */
  cutOff(): Promise<void> {
    return this.port.cut()
  }

  reconnect(): Promise<void> {
    return this.port.mend()
  }

  /** Has EC2 start the instance, and starts what starts there by itself. */
  async boot(): Promise<void> {
    this.instance.start()
    await eventually('the instance to run', () => this.instance.state() === 'running')
    await this.startAtBoot()
  }

  /** Ends every process at once, and with them all mounts and the network, as a loss of power does. */
  async losePower(): Promise<void> {
    await this.machine.killAll()
    await this.tool('sh', '-c', UNMOUNT_ALL, 'sh', this.machine.home)
    this.#emptyRun()
    await this.port.plug()
    this.#renewBootId()
  }

  protected tell({ fsType = 'ext4', ...mount }: EbsMachineSettings): void {
    const operations = { create: { default: { fsType } }, mount }
    const configuration = ebsConfiguration(this.simulator, this.instance, {
      integration: { volume: { operations } },
    })
    this.machine.write('etc/config.yml', configuration)
  }

  protected async startAtBoot(): Promise<void> {
    await this.serve()
    await this.engine.start()
  }

  #renewBootId(): void {
    this.machine.write(BOOT_ID, `${randomUUID()}\n`)
  }

  /** /run does not outlive a boot. */
  #emptyRun(): void {
    const plugins = join(this.machine.home, 'run/docker/plugins')
    for (const name of readdirSync(plugins))
      rmSync(join(plugins, name), { recursive: true, force: true })
    rmSync(join(this.machine.home, 'var/run'), { recursive: true, force: true })
    mkdirSync(join(this.machine.home, 'var/run'), { recursive: true })
  }
}

/** The file below the home that is the id of the machine's boot. */
export const BOOT_ID = 'boot/id'

function mountPointsOf(pid: number): string[] {
  try {
    const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n')
    return lines.map((line) => line.split(' ')[4] ?? '')
  } catch {
    return []
  }
}

const UNMOUNT_ALL = `
while read -r id parent numbers root point rest; do
  case "$point" in "$1"/*) echo "$point" ;; esac
done < /proc/self/mountinfo | tac | while read -r point; do umount -l "$point"; done
`
