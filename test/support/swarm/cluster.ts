import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../dockerd.ts'
import type { EbsMachineSettings } from '../ebs-machines.ts'
import { ebsConfiguration } from '../ec2/host.ts'
import { Ec2Simulator, type SimulatorOptions } from '../ec2/simulator.ts'

import { SwarmNetwork } from './network.ts'
import { Manager, SwarmNode } from './node.ts'

/** A Swarm on this machine: one manager without work, and nodes that are instances of a simulated EC2. Needs root. */
export class SwarmCluster {
  readonly simulator: Ec2Simulator
  readonly manager: Manager
  /** Where containers of all nodes leave word, beside their volumes. */
  readonly witness = mkdtempSync(join(tmpdir(), 'remora-witness-'))
  readonly #network: SwarmNetwork
  readonly #nodes: SwarmNode[] = []

  private constructor(simulator: Ec2Simulator, network: SwarmNetwork, manager: Manager) {
    this.simulator = simulator
    this.#network = network
    this.manager = manager
  }

  /** `end` must be called however the test ends. */
  static async open(options: SimulatorOptions = {}): Promise<SwarmCluster> {
    const simulator = await Ec2Simulator.start({ ...options, disks: 'loop' })
    const network = await SwarmNetwork.start()
    const manager = await Manager.start(await network.join('manager'))
    const cluster = new SwarmCluster(simulator, network, manager)
    await manager.engine.docker(
      ...['swarm', 'init', '--advertise-addr', manager.address, '--availability', 'drain'],
    )
    await manager.engine.docker('swarm', 'update', '--dispatcher-heartbeat', '2s')
    return cluster
  }

  /** One more node, which serves and has joined. */
  async add(name: string, settings: EbsMachineSettings = {}): Promise<SwarmNode> {
    const instance = await this.simulator.launch()
    const node = await SwarmNode.launch(instance, await this.#network.join(name))
    this.#nodes.push(node)
    this.configure(node, settings)
    await node.serve()
    await node.engine.start()
    // A node reports the plugins that somebody has called there: first when it joins, then every 20 s.
    await node.engine.docker('volume', 'ls')
    const token = await this.manager.engine.docker('swarm', 'join-token', '--quiet', 'worker')
    await node.engine.docker('swarm', 'join', '--token', token, `${this.manager.address}:2377`)
    return node
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
    await this.manager.engine.docker('node', 'update', '--availability', value, hostname)
  }

  /** What the manager thinks of a node: `ready`, `down`. */
  stateOf({ hostname }: SwarmNode): Promise<string> {
    return this.manager.engine.docker('node', 'inspect', '--format', '{{.Status.State}}', hostname)
  }

  /** The ids of all instances that have a volume of this name. */
  holders(volume: string): string[] {
    const volumes = this.simulator.named(volume)
    return volumes.flatMap(({ attachments }) => attachments.map(({ instanceId }) => instanceId))
  }

  /** What all of them say of themselves, for whoever has to find out why something did not happen. */
  async history(): Promise<string> {
    const { engine } = this.manager
    const plugins = '{{.Description.Hostname}} {{.Status.State}} {{.Description.Engine.Plugins}}'
    const ids = (await engine.docker('node', 'ls', '--quiet')).split('\n')
    const services = (await engine.docker('service', 'ls', '--quiet')).split('\n')
    const said = [
      await engine.docker('node', 'inspect', '--format', plugins, ...ids),
      await engine.docker('service', 'ps', '--no-trunc', ...services),
      ...this.#nodes.map((node) => `${node.hostname}:\n${node.output()}\n${lastOf(node.engine)}`),
    ]
    return said.join('\n')
  }

  async end(): Promise<void> {
    for (const node of this.#nodes.splice(0)) await node.machine.end()
    await this.manager.end()
    await this.#network.end()
    await this.simulator.close()
    rmSync(this.witness, { recursive: true, force: true })
  }
}

function lastOf(engine: Engine): string {
  return engine.log().split('\n').slice(-30).join('\n')
}
