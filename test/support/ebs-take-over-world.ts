import { DetachVolumeCommand } from '@aws-sdk/client-ec2'
import type { MountSettings, PreemptPolicy } from '../../src/mount/settings.ts'
import { EbsDockerHost } from './ebs-docker-host.ts'
import { EbsWorld } from './ebs-world.ts'
import { clientOf } from './ec2/client.ts'
import type { Delays } from './ec2/delays.ts'
import type { ApiCall } from './ec2/query-server.ts'
import type { SimVolume } from './ec2/resources.ts'
import { MemoryDisks } from './memory-kernel.ts'
import { quickSettings } from './mount-world.ts'

/** How the machine that wants the volume may get it, in milliseconds. */
export interface Wish {
  readonly preempt: PreemptPolicy
  readonly attachWaitMs?: number
  readonly preemptGraceMs?: number
}

/** What a machine may do to another one. */
export function wishing({
  preempt,
  attachWaitMs = 20,
  preemptGraceMs = 150,
}: Wish): Partial<MountSettings> {
  return { mount: { ...quickSettings.mount, preempt, attachWaitMs, preemptGraceMs } }
}

/** Two instances with a dockerd each, and the volume `data`, which a container of the first one uses. */
export class EbsTakeOverWorld {
  readonly ebs: EbsWorld
  readonly holder: EbsDockerHost
  readonly other: EbsDockerHost
  readonly #disks: MemoryDisks
  readonly #further: EbsDockerHost[] = []
  #seen = 0

  private constructor(
    ebs: EbsWorld,
    disks: MemoryDisks,
    [holder, other]: readonly [EbsDockerHost, EbsDockerHost],
  ) {
    this.ebs = ebs
    this.holder = holder
    this.other = other
    this.#disks = disks
  }

  static async open(delays: Partial<Delays> = {}): Promise<EbsTakeOverWorld> {
    const ebs = await EbsWorld.open({ delays })
    const disks = new MemoryDisks()
    const hosts = [
      await EbsDockerHost.start(ebs, ebs.there, disks),
      await EbsDockerHost.start(ebs, ebs.here, disks),
    ] as const
    const world = new EbsTakeOverWorld(ebs, disks, hosts)
    await succeeded(world.holder.create())
    await succeeded(world.holder.mount('a'))
    world.forgetRequests()
    return world
  }

  /** One more instance, with a dockerd of its own. */
  async launch(): Promise<EbsDockerHost> {
    const host = await EbsDockerHost.start(this.ebs, await this.ebs.simulator.launch(), this.#disks)
    this.#further.push(host)
    return host
  }

  /** The one volume of the name. */
  volume(): SimVolume {
    const [volume, ...more] = this.ebs.simulator.named('data')
    if (volume === undefined || more.length > 0) throw new Error('there is not one volume data')
    return volume
  }

  /** Who has the volume, as it is. */
  holders(): string[] {
    return this.volume().attachments.map(({ instanceId }) => instanceId)
  }

  /** Somebody asks EC2 for a detach from the holder, with no tool of ours. */
  async detachByHand(): Promise<void> {
    const { id } = this.volume()
    const request = { VolumeId: id, InstanceId: this.holder.instance.id }
    await clientOf(this.ebs.simulator).send(new DetachVolumeCommand(request))
  }

  /** As if somebody had detached it where it is and attached it to that instance at one stroke. */
  moveByHand(instanceId: string): void {
    const { id, attachments } = this.volume()
    const [attachment] = attachments
    if (attachment === undefined) throw new Error('nobody has the volume')
    const moved = { ...attachment, instanceId, state: 'attached', time: new Date() } as const
    this.ebs.simulator.region.change(id, { attachments: [moved] })
  }

  /** What was asked for until now does not count. */
  forgetRequests(): void {
    this.#seen = this.ebs.simulator.calls.length
  }

  /** The requests since then that take something from an instance. */
  takings(): readonly ApiCall[] {
    const { calls } = this.ebs.simulator
    return calls
      .slice(this.#seen)
      .filter(({ action }) => action === 'DetachVolume' || action === 'StopInstances')
  }

  /** How often it was looked since then how an instance stands. */
  looksAtHolder(): number {
    const { calls } = this.ebs.simulator
    return calls.slice(this.#seen).filter(({ action }) => action === 'DescribeInstances').length
  }

  /** The same in words, in their order; every one is to name the instance. */
  said(): string {
    const names = new Map([
      [this.holder.instance.id, ''],
      [this.other.instance.id, ' from the other'],
      ...this.#further.map(({ instance }): [string, string] => [instance.id, ' from a third']),
    ])
    return this.takings()
      .map(({ action, parameters }) => {
        const from = parameters['InstanceId'] ?? parameters['InstanceId.1'] ?? ''
        const force = parameters['Force'] === 'true' && action === 'DetachVolume' ? ' by force' : ''
        const verb = action === 'DetachVolume' ? 'detach' : 'stop'
        return `${verb}${force}${names.get(from) ?? ' from anybody'}`
      })
      .join(', ')
  }

  async close(): Promise<void> {
    for (const host of [this.holder, this.other, ...this.#further]) await host.end()
    await this.ebs.close()
  }
}

/** The answer of a call that has to succeed. */
export async function succeeded(call: ReturnType<EbsDockerHost['mount']>): Promise<string> {
  const { status, Err, Mountpoint } = await call
  if (status !== 200) throw new Error(`answered ${status}: ${Err}`)
  return Mountpoint
}
