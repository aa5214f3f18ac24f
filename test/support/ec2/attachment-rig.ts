import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DetachVolumeCommand,
  type DetachVolumeCommandInput,
  type EC2Client,
} from '@aws-sdk/client-ec2'
import { expect } from 'vitest'
import { eventually } from '../eventually.ts'
import { clientOf } from './client.ts'
import type { PlainDisks } from './plain-disks.ts'
import { Ec2Simulator, type SimMachine, type SimulatorOptions } from './simulator.ts'

/** A simulator with two machines, and the requests that its own tests make of it. */
export class AttachmentRig {
  readonly simulator: Ec2Simulator
  readonly client: EC2Client
  machine: SimMachine
  readonly other: SimMachine

  private constructor(simulator: Ec2Simulator, machine: SimMachine, other: SimMachine) {
    this.simulator = simulator
    this.client = clientOf(simulator)
    this.machine = machine
    this.other = other
  }

  static async open(options: SimulatorOptions = {}): Promise<AttachmentRig> {
    const given = { factor: 0.02, ...options, delays: { lag: 0, tagLag: 0, ...options.delays } }
    const simulator = await Ec2Simulator.start(given)
    return new AttachmentRig(simulator, await simulator.launch(), await simulator.launch())
  }

  close(): Promise<void> {
    return this.simulator.close()
  }

  get disks(): PlainDisks {
    return this.machine.disks as PlainDisks
  }

  async volume(AvailabilityZone = 'us-east-1a', MultiAttachEnabled = false): Promise<string> {
    const shape = MultiAttachEnabled
      ? ({ VolumeType: 'io2', Iops: 100, Size: 4, MultiAttachEnabled } as const)
      : { Size: 1 }
    const { VolumeId: id = '' } = await this.client.send(
      new CreateVolumeCommand({ AvailabilityZone, ...shape }),
    )
    await this.becomes(id, 'available')
    return id
  }

  attach(VolumeId: string, Device = '/dev/xvdba', InstanceId = this.machine.id) {
    return this.client.send(new AttachVolumeCommand({ VolumeId, Device, InstanceId }))
  }

  detach(VolumeId: string, rest: Partial<DetachVolumeCommandInput> = {}) {
    const InstanceId = this.machine.id
    return this.client.send(new DetachVolumeCommand({ VolumeId, InstanceId, ...rest }))
  }

  async attached(device?: string): Promise<string> {
    const id = await this.volume()
    await this.attach(id, device)
    await this.becomes(id, 'in-use', 'attached')
    return id
  }

  /** The state of a volume and those of its attachments. */
  stateOf(id: string): string[] {
    const { state, attachments } = this.simulator.region.volume(id)
    return [state, ...attachments.map((one) => one.state)]
  }

  becomes(id: string, ...states: string[]): Promise<void> {
    return eventually(() => expect(this.stateOf(id)).toEqual(states))
  }

  /** The disks that the machine's kernel shows. */
  shown(): string[] {
    return readdirSync(join(this.machine.disks.sysfs.root, 'block'))
  }
}
