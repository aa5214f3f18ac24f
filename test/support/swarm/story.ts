import { expect } from 'vitest'
import type { EbsMachineSettings } from '../ebs-machines.ts'
import { eventually } from '../machine.ts'
import type { SwarmCluster } from './cluster.ts'
import type { LineService } from './lines.ts'
import type { SwarmNode } from './node.ts'
import { partsOf, told } from './parts.ts'

/**
 * What is printed is some seconds; a multiple of it is something that went wrong, also on a machine that is busy. How little it
 * is on one that is not, `make bench` holds: the software's share of a Mount on EC2, and that of a take-over.
 */
const OURS_MS = 10_000

/** A service of lines that goes from node to node and back, and what has to hold whenever it has moved. */
export class SwarmStory<Node extends SwarmNode = SwarmNode> {
  readonly #cluster: SwarmCluster
  readonly #lines: LineService
  #here: Node
  #there: Node

  private constructor(cluster: SwarmCluster, lines: LineService, nodes: readonly [Node, Node]) {
    this.#cluster = cluster
    this.#lines = lines
    ;[this.#here, this.#there] = nodes
  }

  /** Begins when the service has written its first line on one of the nodes. */
  static async begin<Node extends SwarmNode>(
    cluster: SwarmCluster,
    lines: LineService,
    [one, other]: readonly [Node, Node],
  ): Promise<SwarmStory<Node>> {
    const { node } = await lines.firstLineOn([one, other], 0)
    return new SwarmStory(cluster, lines, node === one.hostname ? [one, other] : [other, one])
  }

  /** Where the service runs. */
  get here(): Node {
    return this.#here
  }

  /** The other node. */
  get there(): Node {
    return this.#there
  }

  /** From now on the other node treats the volumes of this one so. */
  async treat(settings: EbsMachineSettings): Promise<void> {
    this.#there.configure({ attachWait: '3s', preemptGrace: '3s', ...settings })
    await this.#there.restartRemora()
  }

  /** The service goes to the other node, which the drained one lets have its volume. */
  async drain(): Promise<void> {
    const lostAt = Date.now()
    await this.#cluster.availability(this.#here, 'drain')
    await this.expectMoved('drain', lostAt)
    await this.#cluster.availability(this.#there, 'active')
  }

  /** The service has come to the other node with all that was acknowledged; our part of the time is printed, and small. */
  async expectMoved(what: string, lostAt: number, stoppedAt?: number): Promise<void> {
    const to = this.#there
    const { at } = await this.#lines.firstLineOn([to], lostAt)
    ;[this.#here, this.#there] = [to, this.#here]
    const parts = partsOf(this.#cluster, to, [lostAt, at], stoppedAt)
    console.log(told(what, parts))
    const { total, engine, policy, ec2, ours } = parts
    expect(engine + policy + ec2 + ours).toBeCloseTo(total)
    this.#expectWhole()
    expect(ours).toBeLessThan(OURS_MS)
  }

  /** The lost node is one of the Swarm again, has nothing of the volume, wrote nothing late, and leaves it where it is. */
  async expectReturned(): Promise<void> {
    const { hostname } = this.#there
    const isReady = async () => (await this.#cluster.stateOf(this.#there)) === 'ready'
    await eventually(`${hostname} to be ready`, isReady, 60_000)
    await eventually('the lost node to have nothing of the volume', () => {
      const left = [...this.#there.volumeMounts(), ...this.#there.containers('/data')]
      return left.length === 0
    })
    expect(this.#cluster.holders(this.#lines.volume)).toEqual([this.#here.instance.id])
    await this.#lines.more(20)
    expect(this.#lines.acknowledged().at(-1)?.node).toBe(this.#here.hostname)
    this.#expectWhole()
    expect(this.#cluster.simulator.files.lateWrites(this.#lines.volumeId())).toBe(0)
  }

  /** Every acknowledged line is in the volume, and each number is there once. */
  #expectWhole(): void {
    const acknowledged = this.#lines.acknowledged()
    const found = this.#lines.found(this.#here)
    const durable = new Set(found)
    expect(acknowledged.filter(({ text }) => !durable.has(text))).toEqual([])
    const numbers = found.map((line) => Number(line.split(' ')[0]))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  }
}
