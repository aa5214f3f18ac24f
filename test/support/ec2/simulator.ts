import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Buckets } from './buckets.ts'
import { type Delays, delaysBy } from './delays.ts'
import { Faults } from './faults.ts'
import { forget, launch, setHung, settle, start, stop, terminate } from './instance-life.ts'
import { LoopDisks } from './loop-disks.ts'
import { MetadataServer } from './metadata-server.ts'
import { PlainDisks } from './plain-disks.ts'
import { type ApiCall, QueryServer } from './query-server.ts'
import { type HeldDisk, Region } from './region.ts'
import type { SimInstance, SimVolume } from './resources.ts'
import { VolumeFiles } from './volume-files.ts'

/** How a simulator differs from the real one. */
export interface SimulatorOptions {
  /** What all delays are multiplied by: 1 is as slow as the real one. */
  readonly factor?: number
  /** Single delays, in milliseconds as they are. */
  readonly delays?: Partial<Delays>
  /** Whether attached volumes are real block devices. Needs root. */
  readonly disks?: 'plain' | 'loop'
  /** Which region of AWS it is. */
  readonly region?: string
}

/** An instance with what belongs to it. */
export interface SimMachine<D = PlainDisks | LoopDisks> {
  readonly id: string
  readonly zone: string
  readonly metadata: MetadataServer
  readonly disks: D
  /** What a detach comes to while the disk is mounted; by default it is pulled. */
  onHeldDisk(what: HeldDisk): void
  state(): SimInstance['state']
  stop(): void
  start(): void
  terminate(): void
  /** EC2 calls it running, and it answers to nothing. */
  hang(): void
  revive(): void
  /** EC2 knows it no more. */
  forget(): void
  /** What is under way with it ends now: it is stopped, or up, or terminated; its volumes are free if it is that already. */
  settle(): void
}

/** A region of EC2 on this machine, with instances of its own. What it does, `test/support/ec2/simulator.test.ts` shows. */
export class Ec2Simulator {
  readonly region: Region
  readonly faults = new Faults()
  readonly files: VolumeFiles
  readonly folder = mkdtempSync(path.join(tmpdir(), 'remora-ec2-'))
  readonly #hasLoops: boolean
  readonly #machines: SimMachine[] = []
  #server: QueryServer | undefined

  private constructor({ factor = 1, delays = {}, disks = 'plain', region }: SimulatorOptions) {
    this.region = new Region(delaysBy(factor, delays), region)
    this.#hasLoops = disks === 'loop'
    this.files = new VolumeFiles(path.join(this.folder, 'volumes'))
  }

  static async start(options: SimulatorOptions = {}): Promise<Ec2Simulator> {
    const started = new Ec2Simulator(options)
    const buckets = new Buckets(() => started.region.clock.now(), 1 / (options.factor ?? 1))
    started.#server = await QueryServer.start(started.region, buckets, started.faults)
    return started
  }

  get endpoint(): string {
    return this.#running().endpoint
  }

  /** Every request, in order. */
  get calls(): readonly ApiCall[] {
    return this.#running().calls
  }

  /** How often each action was asked for since the last such count. */
  takeCounts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { action } of this.#running().calls.splice(0))
      counts[action] = (counts[action] ?? 0) + 1
    return counts
  }

  count(action: string): number {
    return this.calls.filter((call) => call.action === action).length
  }

  /** Launches an instance, which runs at once. */
  async launch({ zone = 'us-east-1a', type = 'm5.large' } = {}): Promise<SimMachine> {
    const { region } = this
    const { id } = launch(region, { zone, type })
    const hypervisor = region.types.get(type)?.hypervisor ?? 'nitro'
    const folder = path.join(this.folder, id)
    const disks = this.#hasLoops
      ? new LoopDisks(folder, hypervisor, this.files)
      : new PlainDisks(folder, hypervisor)
    region.guests.set(id, disks)
    const machine: SimMachine = {
      id,
      zone,
      disks,
      metadata: await MetadataServer.start(region, id),
      onHeldDisk: (what) => region.heldDisks.set(id, what),
      state: () => region.instance(id).state,
      stop: () => stop(region, id, false),
      start: () => start(region, id),
      terminate: () => terminate(region, id),
      hang: () => setHung(region, id, true),
      revive: () => setHung(region, id, false),
      forget: () => forget(region, id),
      settle: () => settle(region, id),
    }
    this.#machines.push(machine)
    return machine
  }

  /** The living volumes that have this name in their tag, as they are and not as a look-up shows them. */
  named(name: string): SimVolume[] {
    return this.region.volumes
      .all()
      .filter(({ tags, state }) => tags['Name'] === name && state !== 'deleting')
  }

  async close(): Promise<void> {
    this.region.close()
    await this.#server?.close()
    const ended = await Promise.allSettled(this.#machines.map(endMachine))
    rmSync(this.folder, { recursive: true, force: true })
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  #running(): QueryServer {
    if (this.#server === undefined) throw new Error('the simulator has not started')
    return this.#server
  }
}

async function endMachine({ metadata, disks }: SimMachine): Promise<void> {
  await metadata.close()
  if (disks instanceof LoopDisks) disks.close()
}
