import type { SwarmCluster } from './cluster.ts'
import type { SwarmNode } from './node.ts'

/** Where the time went between the loss of a node and the first new line elsewhere, in milliseconds. */
export interface Parts {
  readonly total: number
  /** Until Swarm knows and starts a task on the other node, its pauses between tries, and the start of containers. */
  readonly engine: number
  /** What a Mount waits before it asks for the volume of another machine: for that one to let go by itself. */
  readonly policy: number
  /** How long EC2 takes to stop the other instance, to detach there and to attach here. */
  readonly ec2: number
  /** Everything else within Mount. */
  readonly ours: number
}

/** From when to when, in milliseconds since 1970. */
type Span = readonly [from: number, to: number]

/**
 * Takes a move to a node apart: every moment of it belongs to one part, to EC2 before the policy, and to us what is left of
 * Mount. `stoppedAt` is when somebody had EC2 stop the lost instance.
 */
export function partsOf(
  cluster: SwarmCluster,
  to: SwarmNode,
  [lostAt, lineAt]: Span,
  stoppedAt?: number,
): Parts {
  const mounts = mountCalls(to)
  const { stop, lag } = cluster.simulator.region.delays
  const ec2 = ec2At(cluster, lostAt)
  if (stoppedAt !== undefined) ec2.push([stoppedAt, stoppedAt + stop + lag])
  const policy = waits(mounts, takings(cluster, lostAt), to.attachWaitMs)
  const partAt = (moment: number) => {
    if (!covers(mounts, moment)) return 'engine'
    if (covers(ec2, moment)) return 'ec2'
    return covers(policy, moment) ? 'policy' : 'ours'
  }
  const parts = { engine: 0, policy: 0, ec2: 0, ours: 0 }
  const edges = [...mounts, ...ec2, ...policy].flat().filter((at) => at > lostAt && at < lineAt)
  let before = lostAt
  for (const edge of [...edges.sort((one, other) => one - other), lineAt]) {
    parts[partAt((before + edge) / 2)] += edge - before
    before = edge
  }
  return { total: lineAt - lostAt, ...parts }
}

/** A Mount waits until something is asked for, or to its end, but no longer than it was told; one after that waits no more. */
function waits(mounts: readonly Span[], asked: readonly number[], waitMs: number): Span[] {
  return mounts.map(([begun, ended]): Span => {
    const first = asked.find((at) => at >= begun && at <= ended) ?? ended
    return [begun, asked.some((at) => at < begun) ? begun : Math.min(first, begun + waitMs)]
  })
}

/** One line for people. */
export function told(what: string, { total, engine, policy, ec2, ours }: Parts): string {
  const s = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
  return `${what}: ${s(total)} from the loss to the first new line: engine ${s(engine)}, policy ${s(policy)}, EC2 ${s(ec2)}, Remora ${s(ours)}`
}

function covers(spans: readonly Span[], moment: number): boolean {
  return spans.some(([from, to]) => from <= moment && moment < to)
}

/** The Mounts that a node's server was asked for, as its log has them. */
function mountCalls(node: SwarmNode): Span[] {
  return node
    .output()
    .split('\n')
    .filter((line) => line.includes('"message":"plugin Mount"'))
    .map((line): Span => {
      const { time, durationMs } = JSON.parse(line)
      const ended = Date.parse(time)
      return [ended - durationMs, ended]
    })
}

/** When EC2 was asked to take something from an instance. */
function takings({ simulator }: SwarmCluster, since: number): number[] {
  return simulator.calls
    .filter(({ action, at }) => at >= since && ['StopInstances', 'DetachVolume'].includes(action))
    .map(({ at }) => at)
}

/** When EC2 worked on what it was asked for; what a look-up shows late is its own time, too. */
function ec2At({ simulator }: SwarmCluster, since: number): Span[] {
  const { stop, detach, free, device, lag } = simulator.region.delays
  const lasts: Readonly<Record<string, number>> = {
    StopInstances: stop + lag,
    DetachVolume: detach + free + lag,
    AttachVolume: device,
  }
  return simulator.calls
    .filter(({ at, outcome }) => at >= since && outcome === 'ok')
    .flatMap(({ action, at }): Span[] => {
      const ms = lasts[action]
      return ms === undefined ? [] : [[at, at + ms]]
    })
}
