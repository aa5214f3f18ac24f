import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from '../dockerd.ts'
import type { EbsMachineSettings } from '../ebs-machines.ts'
import { Ec2Simulator, type SimulatorOptions } from '../ec2/simulator.ts'
import { Machine } from '../machine.ts'
import { type PluginFolder, PluginImage } from '../plugin-image.ts'
import { ManagedNode, PLUGIN_FILES } from './managed-node.ts'
import { SwarmNetwork } from './network.ts'
import { type NodeParts, SwarmNode } from './node.ts'

/** A Swarm on this machine: one manager without work, and nodes that are instances of a simulated EC2. Needs root. */
export class SwarmCluster {
  /** Where containers of all nodes leave word, beside their volumes. */
  readonly witness = mkdtempSync(join(tmpdir(), 'remora-witness-'))
  readonly #nodes: SwarmNode[] = []
  readonly #machines: Machine[] = []
  readonly #launches: Promise<unknown>[] = []
  readonly #failures: unknown[] = []
  readonly #scratch = mkdtempSync(join(tmpdir(), 'remora-swarm-'))
  #isOver = false
  #simulator: Ec2Simulator | undefined
  #network: SwarmNetwork | undefined
  #manager: Engine | undefined
  #plugin: Promise<PluginFolder> | undefined

  /** Starts the region and the manager; `end` must be called however that ends. */
  async start(options: SimulatorOptions = {}): Promise<void> {
    await this.#launched(() => this.#start(options))
  }

  get simulator(): Ec2Simulator {
    return started(this.#simulator)
  }

  /** The engine that commands to the Swarm are given to. */
  get manager(): Engine {
    return started(this.#manager)
  }

  get nodes(): readonly SwarmNode[] {
    return this.#nodes
  }

  /** One more node, which serves on a socket and has joined. */
  async add(name: string, settings: EbsMachineSettings = {}): Promise<SwarmNode> {
    return await this.#launched(async () => {
      const node = await this.#started(new SwarmNode(await this.#parts(name)), settings)
      await node.warmUp()
      await this.#join(node)
      return node
    })
  }

  /** One more such node, whose engine has not called Remora yet. */
  async addCold(name: string): Promise<SwarmNode> {
    return await this.#launched(async () => {
      const node = await this.#started(new SwarmNode(await this.#parts(name)), {})
      await this.#join(node)
      return node
    })
  }

  /** One more node, which serves by a managed plugin and has joined. */
  async addManaged(name: string, settings: EbsMachineSettings = {}): Promise<ManagedNode> {
    return await this.#launched(async () => {
      this.#plugin ??= this.#buildPlugin()
      const made = new ManagedNode(await this.#parts(name), await this.#plugin)
      const node = await this.#started(made, settings)
      await this.#join(node)
      return node
    })
  }

  /** Whether a node gets work. */
  async availability({ hostname }: SwarmNode, value: 'active' | 'drain'): Promise<void> {
    await this.manager.docker('node', 'update', '--availability', value, hostname)
  }

  /** What the manager thinks of a node: `ready`, `down`. */
  stateOf({ hostname }: SwarmNode): Promise<string> {
    return this.manager.docker('node', 'inspect', '--format', '{{.Status.State}}', hostname)
  }

  /** Whether the manager has heard of the plugin of a node. */
  async hasReported({ hostname }: SwarmNode): Promise<boolean> {
    const plugins = '{{.Description.Engine.Plugins}}'
    const seen = await this.manager.docker('node', 'inspect', '--format', plugins, hostname)
    return seen.includes('{Volume rexray')
  }

  /** The ids of all instances that have a volume of this name. */
  holders(volume: string): string[] {
    const volumes = this.simulator.named(volume)
    return volumes.flatMap(({ attachments }) => attachments.map(({ instanceId }) => instanceId))
  }

  /** What all of them say of themselves, for whoever has to find out why something did not happen. */
  async history(): Promise<string> {
    const { manager } = this
    const plugins = '{{.Description.Hostname}} {{.Status.State}} {{.Description.Engine.Plugins}}'
    const ids = (await manager.docker('node', 'ls', '--quiet')).split('\n')
    const services = (await manager.docker('service', 'ls', '--quiet')).split('\n')
    const said = [
      await manager.docker('node', 'inspect', '--format', plugins, ...ids),
      await manager.docker('service', 'ps', '--no-trunc', ...services),
      ...this.#nodes.map((node) => `${node.hostname}:\n${node.output()}\n${lastOf(node.engine)}`),
    ]
    return said.join('\n')
  }

  /** Takes all of it away, also while it is still starting; nothing is started after that. Rejects with what failed. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#endMachines()
    await Promise.allSettled(this.#launches)
    // What a launch had begun meanwhile.
    await this.#endMachines()
    await this.#network?.end()
    await this.#simulator?.close()
    for (const folder of [this.witness, this.#scratch])
      rmSync(folder, { recursive: true, force: true })
    const [failure] = this.#failures
    if (failure !== undefined) throw failure
  }

  async #launched<T>(launch: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new Error('the Swarm is over')
    const launched = launch()
    this.#launches.push(launched)
    return await launched
  }

  /** One that cannot be ended keeps no other from it. */
  async #endMachines(): Promise<void> {
    for (const machine of this.#machines.splice(0))
      await machine.end().catch((error) => this.#failures.push(error))
  }

  async #start(options: SimulatorOptions): Promise<void> {
    this.#simulator = await Ec2Simulator.start({ ...options, disks: 'loop' })
    this.#network = await SwarmNetwork.start()
    const port = await this.#network.join('manager')
    const manager = new Engine(await this.#machine(), { within: () => port.within })
    await manager.start()
    this.#manager = manager
    await manager.docker(
      ...['swarm', 'init', '--advertise-addr', port.address, '--availability', 'drain'],
    )
    await manager.docker('swarm', 'update', '--dispatcher-heartbeat', '2s')
  }

  async #parts(name: string): Promise<NodeParts> {
    const { simulator } = this
    const instance = await simulator.launch()
    const port = await started(this.#network).join(name)
    return { simulator, instance, port, machine: await this.#machine() }
  }

  async #started<Node extends SwarmNode>(node: Node, settings: EbsMachineSettings): Promise<Node> {
    this.#nodes.push(node)
    await node.prepare()
    node.configure(settings)
    await node.start()
    return node
  }

  async #join(node: SwarmNode): Promise<void> {
    const token = await this.manager.docker('swarm', 'join-token', '--quiet', 'worker')
    const manager = await this.manager.docker('info', '--format', '{{.Swarm.NodeAddr}}')
    await node.engine.docker('swarm', 'join', '--token', token, `${manager}:2377`)
  }

  /** By the manager's engine, which has no other work. */
  async #buildPlugin(): Promise<PluginFolder> {
    const image = new PluginImage(this.manager, this.#scratch)
    await image.build('image')
    return await image.unpack(PLUGIN_FILES)
  }

  /** A machine that asks no name server beyond itself. */
  async #machine(): Promise<Machine> {
    const machine = await Machine.start({ hasOwnRun: true })
    this.#machines.push(machine)
    machine.write('resolv.conf', 'nameserver 127.0.0.1\n')
    const file = join(machine.home, 'resolv.conf')
    await machine.run('sh', ['-c', 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)"', file])
    return machine
  }
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the Swarm has not started')
  return part
}

function lastOf(engine: Engine): string {
  return engine.log().split('\n').slice(-30).join('\n')
}
