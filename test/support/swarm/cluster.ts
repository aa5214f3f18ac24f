import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from '../dockerd.ts'
import type { EbsMachineSettings } from '../ebs-machines.ts'
import { ebsConfiguration } from '../ec2/host.ts'
import { Ec2Simulator, type SimulatorOptions } from '../ec2/simulator.ts'

import { Machine } from '../machine.ts'
import { SwarmNetwork } from './network.ts'
import { SwarmNode } from './node.ts'

/** A Swarm on this machine: one manager without work, and nodes that are instances of a simulated EC2. Needs root. */
export class SwarmCluster {
  /** Where containers of all nodes leave word, beside their volumes. */
  readonly witness = mkdtempSync(join(tmpdir(), 'remora-witness-'))
  readonly #nodes: SwarmNode[] = []
  readonly #machines: Machine[] = []
  readonly #launches: Promise<unknown>[] = []
  readonly #failures: unknown[] = []
  #isOver = false
  #simulator: Ec2Simulator | undefined
  #network: SwarmNetwork | undefined
  #manager: Engine | undefined

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

  /** One more node, which serves and has joined. */
  async add(name: string, settings: EbsMachineSettings = {}): Promise<SwarmNode> {
    return await this.#launched(() => this.#add(name, settings))
  }

  /** What its next server is told. */
  configure(node: SwarmNode, settings: EbsMachineSettings): void {
    const { fsType = 'ext4', ...mount } = settings
    const operations = { create: { default: { fsType } }, mount }
    const configuration = ebsConfiguration(this.simulator, node.instance, {
      integration: { volume: { operations } },
    })
    node.machine.write('etc/config.yml', configuration)
  }

  /** Whether a node gets work. */
  async availability({ hostname }: SwarmNode, value: 'active' | 'drain'): Promise<void> {
    await this.manager.docker('node', 'update', '--availability', value, hostname)
  }

  /** What the manager thinks of a node: `ready`, `down`. */
  stateOf({ hostname }: SwarmNode): Promise<string> {
    return this.manager.docker('node', 'inspect', '--format', '{{.Status.State}}', hostname)
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
    rmSync(this.witness, { recursive: true, force: true })
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

  async #add(name: string, settings: EbsMachineSettings): Promise<SwarmNode> {
    const instance = await this.simulator.launch()
    const port = await started(this.#network).join(name)
    const node = await SwarmNode.launch(instance, port, await this.#machine())
    this.#nodes.push(node)
    this.configure(node, settings)
    await node.serve()
    await node.engine.start()
    // A node reports the plugins that somebody has called there: first when it joins, then every 20 s.
    await node.engine.docker('volume', 'ls')
    const token = await this.manager.docker('swarm', 'join-token', '--quiet', 'worker')
    const manager = await this.manager.docker('info', '--format', '{{.Swarm.NodeAddr}}')
    await node.engine.docker('swarm', 'join', '--token', token, `${manager}:2377`)
    return node
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
