import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EventLog } from '../src/mount/event-log.ts'
import { eventually, projectDirectory } from '../test/support/machine.ts'
import { SwarmCluster } from '../test/support/swarm/cluster.ts'
import { LineService } from '../test/support/swarm/lines.ts'
import type { SwarmNode } from '../test/support/swarm/node.ts'
import { partsOf } from '../test/support/swarm/parts.ts'
import { perform, type Stage } from './performance.ts'
import { say, showDocker, showEc2 } from './telling.ts'
import { type Moment, timelineHtml, timelineSvg } from './timeline.ts'

const tools = [
  ...['dockerd', 'docker', 'busybox', 'unshare', 'nsenter', 'ip', 'losetup', 'mknod', 'perl'],
  ...['mkfs.ext4', 'chattr', 'tar'],
]
/** Twice as fast as the real EC2. */
const FACTOR = 0.5
/** How many lines are written before the next thing happens: some seconds. */
const LINES = 30

/** A Swarm that ends at once when it is told to, whatever is being waited for. */
class SwarmStage implements Stage {
  readonly cluster = new SwarmCluster()
  readonly #life = new AbortController()
  #ending: Promise<void> | undefined

  get isOver(): boolean {
    return this.#life.signal.aborted
  }

  end(): Promise<void> {
    this.#life.abort(new Error('the demonstration is over'))
    this.#ending ??= this.cluster.end()
    return this.#ending
  }

  close(): Promise<void> {
    return this.end()
  }

  /** Resolves as the story does, or rejects when the end is called for. */
  untilOver(story: Promise<void>): Promise<void> {
    const { signal } = this.#life
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      story.then(resolve, reject)
    })
  }
}

/** The service on its way, with what is said of it. */
class Journey {
  readonly moments: Moment[] = []
  readonly #cluster: SwarmCluster
  readonly #lines: LineService

  constructor(cluster: SwarmCluster, lines: LineService) {
    this.#cluster = cluster
    this.#lines = lines
  }

  /** Something that the picture is to show. */
  note(text: string): void {
    this.moments.push({ at: Date.now(), text })
  }

  /** Begins with a loss, and waits for the first line that the service writes at the other node. */
  async to(node: SwarmNode, why: string, loss: () => Promise<void>): Promise<void> {
    say(`${why[0]?.toUpperCase()}${why.slice(1)}.`)
    const lostAt = Date.now()
    this.note(why)
    await loss()
    const { at, number } = await this.#lines.firstLineOn([node], lostAt)
    const { total, engine, policy, ec2, ours } = partsOf(this.#cluster, node, [lostAt, at])
    const s = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
    console.log(
      `Line ${number} is written on ${node.hostname} ${s(total)} later: engine ${s(engine)}, waits of preempt ${s(policy)}, EC2 ${s(ec2)}, Remora ${s(ours)}`,
    )
    showEc2(this.#cluster.simulator, this.#lines.volume)
    this.#check(node)
    await this.#lines.more(LINES)
  }

  /** Whoever has come back has nothing of the volume, and wrote nothing to it since it was lost there. */
  checkReturned(node: SwarmNode, holder: SwarmNode): void {
    require(node.volumeMounts().length === 0, `${node.hostname} still has the volume mounted`)
    this.#check(holder)
    console.log(`Nothing of the volume is left on ${node.hostname}.`)
  }

  #check(node: SwarmNode): void {
    const { simulator } = this.#cluster
    const holders = this.#cluster.holders(this.#lines.volume)
    require(holders.join() === node.instance.id, `the volume is attached to ${holders.join()}`)
    const acknowledged = this.#lines.acknowledged()
    const found = this.#lines.found(node)
    const durable = new Set(found)
    const missing = acknowledged.filter(({ text }) => !durable.has(text))
    require(missing.length === 0, `${missing.length} lines are missing`)
    console.log(`All ${acknowledged.length} lines that were durable anywhere are in the volume.`)
    const isInOrder = found.every((line, index) => Number(line.split(' ')[0]) === index + 1)
    require(isInOrder, 'two nodes have written the same line')
    const late = simulator.files.lateWrites(this.#lines.volumeId())
    require(late === 0, `${late} writes have come from where the volume was taken away`)
    console.log('None of them is there twice, and nothing was written late.')
  }
}

function require(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise)
}

const stage = new SwarmStage()
await perform(tools, stage, () => stage.untilOver(story(stage.cluster)))

async function story(cluster: SwarmCluster): Promise<void> {
  console.log('A Swarm of a manager and two instances of a simulated EC2 starts on this machine …')
  await cluster.start({ factor: FACTOR })
  const settings = { preempt: true, attachWait: '3s', preemptGrace: '5s' }
  const [one, two] = await Promise.all([cluster.add('one', settings), cluster.add('two')])
  const lines = new LineService(cluster)
  const journey = new Journey(cluster, lines)
  journey.note('a service is created')
  await begin(cluster, lines, two)

  await drained(journey, cluster, [one, two])
  await journey.to(one, 'two is cut off, and lives on: preempt is true', () => two.cutOff())
  await two.reconnect()
  await untilReady(cluster, two)
  await lines.more(LINES)
  journey.checkReturned(two, one)
  journey.note('two has returned, and nothing of the volume is left there')
  await drained(journey, cluster, [one, two])
  one.configure({ ...settings, preempt: 'fence' })
  await one.restartRemora()
  await journey.to(one, 'two is cut off again: preempt is fence, and stops it first', async () => {
    await two.cutOff()
    const isOff = () => two.instance.state() === 'stopped'
    void eventually('two to be off', isOff, 60_000).then(() => two.losePower())
  })
  paint(cluster, journey.moments)
}

/** Starts the service, on the node that is not this one. */
async function begin(cluster: SwarmCluster, lines: LineService, other: SwarmNode): Promise<void> {
  const manager = { name: 'manager', engine: cluster.manager }
  await cluster.availability(other, 'drain')
  say('A service writes numbered lines to its volume, each with fsync.')
  await lines.create()
  await lines.firstLineOn(cluster.nodes, 0)
  await lines.more(LINES)
  await cluster.availability(other, 'active')
  await showDocker(manager, ['node', 'ls'])
  await showDocker(manager, ['service', 'ps', lines.name])
  showEc2(cluster.simulator, lines.volume)
}

async function drained(
  journey: Journey,
  cluster: SwarmCluster,
  [from, to]: readonly [SwarmNode, SwarmNode],
): Promise<void> {
  const { hostname } = from
  await journey.to(to, `${hostname} is drained`, () => cluster.availability(from, 'drain'))
  await cluster.availability(from, 'active')
}

async function untilReady(cluster: SwarmCluster, node: SwarmNode): Promise<void> {
  await eventually(
    `${node.hostname} to return`,
    async () => (await cluster.stateOf(node)) === 'ready' && node.volumeMounts().length === 0,
    60_000,
  )
}

function paint(cluster: SwarmCluster, moments: readonly Moment[]): void {
  const nodes = cluster.nodes.toSorted(byName).map(({ hostname, machine }) => ({
    name: hostname,
    events: new EventLog(join(machine.home, 'var/log')).next(),
  }))
  const title = 'Which node of the Swarm had the volume, and when'
  const picture = { title, nodes, moments, until: Date.now() }
  const folder = join(projectDirectory, 'dist/demo')
  mkdirSync(folder, { recursive: true })
  const files = { 'swarm.svg': timelineSvg(picture), 'swarm.html': timelineHtml(picture) }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  say('Which node had the volume when, from the events that Remora records on each:')
  for (const name of Object.keys(files)) console.log(`  ${join(folder, name)}`)
}

function byName(one: SwarmNode, other: SwarmNode): number {
  return one.hostname < other.hostname ? -1 : 1
}
