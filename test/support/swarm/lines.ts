import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { image } from '../dockerd.ts'
import { eventually } from '../machine.ts'
import type { SwarmCluster } from './cluster.ts'
import type { SwarmNode } from './node.ts'

/** What stands in a stack file, as far as it matters here. */
export interface Stack {
  readonly services: Readonly<Record<string, { readonly volumes?: readonly unknown[] }>>
}

/** A line of which a container was told that it is durable. */
export interface Line {
  readonly number: number
  /** As it is in the volume. */
  readonly text: string
  /** The node that wrote it, and its task. */
  readonly node: string
  readonly task: string
  /** When it was durable, in milliseconds since 1970; it is known to a hundredth of a second. */
  readonly at: number
}

/**
 * What the containers run: lines with fsync to the volume, numbered on from what they find there, and then to the witness
 * the number and the uptime at which the line was durable. What is refused is tried again for ever.
 */
const WRITE = `
trap 'exit 0' TERM
touch /data/lines
last=$(busybox tail -n 1 /data/lines)
n=\${last%% *}
n=\${n:-0}
while :; do
  n=$((n + 1))
  while ! echo "$n $NODE $TASK" | dd of=/data/lines oflag=append conv=notrunc,fsync status=none; do
    echo refused >> "/witness/$TASK"
    sleep 0.1
  done
  read -r now rest < /proc/uptime
  echo "$n $NODE $TASK $now" >> "/witness/$TASK"
  sleep 0.05
done
`

const STACK = 'story'

/** A service of one replica that writes numbered lines to its volume, and what is known of them. */
export class LineService {
  readonly #cluster: SwarmCluster
  #name = 'lines'
  #volume = 'data'

  constructor(cluster: SwarmCluster) {
    this.#cluster = cluster
  }

  /** What the service is called in the Swarm. */
  get name(): string {
    return this.#name
  }

  /** What its volume is called. */
  get volume(): string {
    return this.#volume
  }

  /** The service `lines` with the volume `data`. */
  async create(): Promise<void> {
    const { manager, witness } = this.#cluster
    await manager.docker(
      ...['service', 'create', '--detach', '--name', this.name, '--no-resolve-image'],
      ...['--network', 'host', '--restart-delay', '1s', '--stop-grace-period', '1s'],
      ...['--env', 'NODE={{.Node.Hostname}}', '--env', 'TASK={{.Task.ID}}'],
      '--mount',
      `type=volume,source=${this.volume},target=/data,volume-driver=rexray,volume-opt=size=1`,
      ...['--mount', `type=bind,source=${witness},target=/witness`],
      ...[image, 'sh', '-c', WRITE],
    )
  }

  /**
   * The service of somebody's stack file, of which only what the containers run is ours; `volume` is the name that the file
   * gives to the volume of its first slot.
   */
  async deploy(stack: Stack, service: string, volume: string): Promise<void> {
    const { manager, witness } = this.#cluster
    const [theirs] = Object.values(stack.services)
    const lines = {
      ...theirs,
      image,
      // A dollar is one of the container's and not a variable of the file when there are two.
      command: ['sh', '-c', WRITE.replaceAll('$', '$$$$')],
      environment: { NODE: '{{.Node.Hostname}}', TASK: '{{.Task.ID}}' },
      networks: ['host'],
      volumes: [...(theirs?.volumes ?? []), `${witness}:/witness`],
    }
    const networks = { host: { external: true, name: 'host' } }
    const file = join(witness, '.stack.json')
    writeFileSync(file, JSON.stringify({ ...stack, services: { [service]: lines }, networks }))
    const flags = ['--detach=true', '--resolve-image', 'never', '--compose-file', file]
    await manager.docker('stack', 'deploy', ...flags, STACK)
    this.#name = `${STACK}_${service}`
    this.#volume = volume
  }

  async remove(): Promise<void> {
    await this.#cluster.manager.docker('service', 'rm', this.name)
  }

  /** All lines that were durable, in the order of their time. */
  acknowledged(): Line[] {
    return this.#witnessed()
      .flatMap(lineOf)
      .sort((one, other) => one.at - other.at)
  }

  /** How many writes were refused on a node that has lost its volume. */
  refused(): number {
    return this.#witnessed().filter((line) => line === 'refused').length
  }

  /** The lines in the volume of the node that has it now. */
  found(node: SwarmNode): string[] {
    const { machine, volumesFolder } = node
    const path = machine.path(join(volumesFolder, this.volume, 'data/lines'))
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
  }

  /** Waits until one of the nodes has written a line after this time, and resolves with the first one. */
  firstLineOn(nodes: readonly SwarmNode[], since: number, timeoutMs = 90_000): Promise<Line> {
    const names = nodes.map(({ hostname }) => hostname)
    return eventually(
      `a line by ${names.join(' or ')}`,
      () => this.acknowledged().find(({ node, at }) => names.includes(node) && at >= since),
      timeoutMs,
    )
  }

  /** Waits until so many further lines are durable. */
  async more(count: number): Promise<void> {
    const { length } = this.acknowledged()
    await eventually('more lines', () => this.acknowledged().length >= length + count)
  }

  volumeId(): string {
    return this.#cluster.simulator.named(this.volume)[0]?.id ?? ''
  }

  /** The tasks of the service as the manager has them, newest first, one in each line. */
  tasks(): Promise<string> {
    const format = '{{.ID}} {{.Node}} {{.DesiredState}} {{.CurrentState}} {{.Error}}'
    return this.#cluster.manager.docker(
      ...['service', 'ps', '--no-trunc', '--format', format, this.name],
    )
  }

  #witnessed(): string[] {
    const { witness } = this.#cluster
    const names = readdirSync(witness).filter((name) => !name.startsWith('.'))
    return names.flatMap((name) =>
      readFileSync(join(witness, name), 'utf8').split('\n').slice(0, -1),
    )
  }
}

function lineOf(text: string): Line[] {
  const [number, node, task, uptime] = text.split(' ')
  if (node === undefined || task === undefined) return []
  const at = bootedAt() + Number(uptime) * 1_000
  return [{ number: Number(number), text: `${number} ${node} ${task}`, node, task, at }]
}

function bootedAt(): number {
  const [uptime] = readFileSync('/proc/uptime', 'utf8').split(' ')
  return Date.now() - Number(uptime) * 1_000
}
