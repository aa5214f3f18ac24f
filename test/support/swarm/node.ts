import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '../dockerd.ts'
import { EbsMachine } from '../ebs-machines.ts'
import { becomeInstance } from '../ec2/host.ts'
import type { SimMachine } from '../ec2/simulator.ts'
import { eventually, type Machine } from '../machine.ts'
import type { ServerProcess } from '../server-process.ts'
import type { Port } from './network.ts'

/** An instance of EC2 with Remora and an engine, which can be cut off, switched off, and return. */
export class SwarmNode extends EbsMachine {
  readonly hostname: string
  readonly engine: Engine
  readonly #port: Port

  private constructor(instance: SimMachine, machine: Machine, port: Port) {
    super(instance, machine)
    this.hostname = port.name
    this.engine = new Engine(machine, { within: () => port.within })
    this.#port = port
  }

  /** The machine of an instance; nothing runs there yet. */
  static async launch(instance: SimMachine, port: Port, machine: Machine): Promise<SwarmNode> {
    await becomeInstance(machine, instance)
    const node = new SwarmNode(instance, machine, port)
    await node.#renewBootId()
    return node
  }

  /** Where volumes are mounted on it. */
  volumeMounts(): string[] {
    const places = join(this.machine.home, 'var/lib/volumes/')
    return this.machine.mounts().filter((point) => point.startsWith(places))
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
    return this.#port.cut()
  }

  reconnect(): Promise<void> {
    return this.#port.mend()
  }

  /** Has EC2 start the instance, and starts what starts there by itself. */
  async boot(): Promise<void> {
    this.instance.start()
    await eventually('the instance to run', () => this.instance.state() === 'running')
    await this.serve()
    await this.engine.start()
  }

  /** Ends every process at once, and with them all mounts and the network, as a loss of power does. */
  async losePower(): Promise<void> {
    await this.machine.killAll()
    await this.tool('sh', '-c', UNMOUNT_ALL, 'sh', this.machine.home)
    this.#emptyRun()
    await this.#port.plug()
    await this.#renewBootId()
  }

  async #renewBootId(): Promise<void> {
    const name = `boot-${randomUUID()}`
    this.machine.write(name, `${randomUUID()}\n`)
    const bootId = '/proc/sys/kernel/random/boot_id'
    await this.tool('mount', '--bind', join(this.machine.home, name), bootId)
  }

  /** /run does not outlive a boot. */
  #emptyRun(): void {
    const plugins = join(this.machine.home, 'run/docker/plugins')
    for (const name of readdirSync(plugins)) rmSync(join(plugins, name), { force: true })
    rmSync(join(this.machine.home, 'var/run'), { recursive: true, force: true })
    mkdirSync(join(this.machine.home, 'var/run'), { recursive: true })
  }
}

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
