import { type ChildProcess, spawn } from 'node:child_process'
import { eventually, outcomeOf } from '../machine.ts'
import { Door } from './door.ts'

const SUBNET = '10.213.0'

/** A network of its own between engines: nothing of it is seen from this machine, and nothing of this machine in it. */
export class SwarmNetwork {
  readonly #hub: NetworkNamespace
  readonly #ports: Port[] = []

  private constructor(hub: NetworkNamespace) {
    this.#hub = hub
  }

  /** `end` must be called however the test ends. */
  static async start(): Promise<SwarmNetwork> {
    const hub = await NetworkNamespace.start()
    await hub.run('ip link add swarm type bridge && ip link set swarm up')
    return new SwarmNetwork(hub)
  }

  /** A place for one more engine. */
  async join(name: string): Promise<Port> {
    const port = new Port(this.#hub, name, this.#ports.length + 1)
    this.#ports.push(port)
    await port.plug()
    return port
  }

  async end(): Promise<void> {
    for (const port of this.#ports.splice(0)) await port.unplug()
    await this.#hub.end()
  }
}

/** Where an engine is in the network: a namespace with an address, and a cable that can be cut. */
export class Port {
  readonly name: string
  readonly address: string
  readonly #hub: NetworkNamespace
  readonly #cable: string
  readonly #reached = new Set<number>()
  readonly #doors: Door[] = []
  #own: NetworkNamespace | undefined

  constructor(hub: NetworkNamespace, name: string, number: number) {
    this.name = name
    this.address = `${SUBNET}.${number}`
    this.#hub = hub
    this.#cable = `cable${number}`
  }

  /** Words that put a program here, under the name of the port, and become it. */
  get within(): readonly string[] {
    const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', this.name]
    return ['nsenter', `--net=/proc/${this.#own?.pid}/ns/net`, ...named]
  }

  /** Makes the namespace, as empty as that of a machine that has just booted. */
  async plug(): Promise<void> {
    await this.unplug()
    const own = await NetworkNamespace.start()
    this.#own = own
    await this.#hub.run(`ip link add ${this.#cable} type veth peer name eth0 netns ${own.pid}`)
    await this.#hub.run(`ip link set ${this.#cable} master swarm up`)
    await own.run(`ip address add ${this.address}/24 dev eth0 && ip link set eth0 up`)
    for (const number of this.#reached) this.#doors.push(await Door.open(own.pid, number))
  }

  /** Programs here reach what this machine serves at 127.0.0.1 by the same number, whether the cable is cut or not. */
  async reach(endpoint: string): Promise<void> {
    const number = Number(new URL(endpoint).port)
    this.#reached.add(number)
    if (this.#own !== undefined) this.#doors.push(await Door.open(this.#own.pid, number))
  }

  /** Takes the namespace away with all that an engine has left in it. */
  async unplug(): Promise<void> {
    if (this.#own === undefined) return
    for (const door of this.#doors.splice(0)) await door.close()
    await this.#hub.run(`ip link delete ${this.#cable}`)
    await this.#own.end()
    this.#own = undefined
  }

  /** From now on nothing passes. */
  async cut(): Promise<void> {
    await this.#hub.run(`ip link set ${this.#cable} down`)
  }

  async mend(): Promise<void> {
    await this.#hub.run(`ip link set ${this.#cable} up`)
  }
}

/** A network namespace that lasts as long as a process of ours. Needs root. */
class NetworkNamespace {
  readonly pid: number
  readonly #holder: ChildProcess

  private constructor(holder: ChildProcess) {
    if (holder.pid === undefined) throw new Error('unshare has no pid')
    this.pid = holder.pid
    this.#holder = holder
  }

  static async start(): Promise<NetworkNamespace> {
    const hold = 'ip link set lo up && echo ready && exec cat > /dev/null'
    const holder = spawn('unshare', ['-n', 'sh', '-c', hold], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once('data', () => resolve())
      holder.once('exit', (code) => reject(new Error(`unshare ended with ${code}`)))
    })
    return new NetworkNamespace(holder)
  }

  async run(script: string): Promise<void> {
    const args = ['-t', String(this.pid), '-n', 'sh', '-c', script]
    const { status, stderr } = await outcomeOf(spawn('nsenter', args))
    if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
  }

  async end(): Promise<void> {
    this.#holder.kill('SIGKILL')
    await eventually('the namespace to end', () => this.#holder.exitCode ?? this.#holder.signalCode)
  }
}
