import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DescribeVolumesCommand, type EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2'
import { type CheckResult, examine } from '../../src/doctor/examine.ts'
import { run } from '../../src/libstorage/run.ts'
import type { Provider } from '../../src/libstorage/storage-driver.ts'
import { ebsChecks } from '../../src/providers/ebs/checks/index.ts'
import { type EbsSettings, ebsSettings } from '../../src/providers/ebs/config.ts'
import { createEbsProvider } from '../../src/providers/ebs/index.ts'
import { realDelays } from './ec2/delays.ts'
import { MetadataServer } from './ec2/metadata-server.ts'
import { PlainDisks } from './ec2/plain-disks.ts'
import { Region } from './ec2/region.ts'
import type { Moto } from './moto.ts'

const TYPE = 'm5.large'
const ZONE = 'us-east-1a'
/** One of the images that moto knows by itself. */
const IMAGE = 'ami-12c6146b'
const LOOK_MS = 20
const ROOT_DEVICE = '/dev/sda1'

type Settings = Partial<Record<keyof EbsSettings, unknown>>

/** The instance profile that its metadata name. */
export const MOTO_PROFILE = 'node'

interface Attached {
  readonly sizeGiB: number
  readonly device: string
}

/** An instance that moto launched: its metadata service, and a kernel that shows a disk while moto says that it is attached. */
export class MotoInstance {
  readonly id: string
  readonly zone = ZONE
  readonly #moto: Moto
  readonly #folder: string
  readonly #region: Region
  readonly #metadata: MetadataServer
  readonly #disks: PlainDisks
  readonly #looking: Promise<void>
  #shown: ReadonlySet<string> = new Set()
  #isOn = true

  private constructor(
    id: string,
    parts: { moto: Moto; folder: string; region: Region; metadata: MetadataServer },
  ) {
    this.id = id
    this.#moto = parts.moto
    this.#folder = path.join(parts.folder, id)
    this.#region = parts.region
    this.#metadata = parts.metadata
    this.#disks = new PlainDisks(this.#folder, 'nitro')
    this.#looking = this.#look(parts.moto.client())
  }

  static async launch(moto: Moto, folder: string): Promise<MotoInstance> {
    const { Instances = [] } = await moto.client().send(
      new RunInstancesCommand({
        ImageId: IMAGE,
        InstanceType: TYPE,
        Placement: { AvailabilityZone: ZONE },
        MinCount: 1,
        MaxCount: 1,
      }),
    )
    const id = Instances[0]?.InstanceId ?? ''
    const region = new Region(realDelays)
    const machine = {
      id,
      zone: ZONE,
      type: TYPE,
      state: 'running',
      reason: '',
      isHung: false,
      profile: MOTO_PROFILE,
    }
    region.instances.set(id, { ...machine, state: 'running' })
    const metadata = await MetadataServer.start(region, id)
    return new MotoInstance(id, { moto, folder, region, metadata })
  }

  /** The provider of a process on this instance. */
  provider(settings: Settings = {}): Promise<Provider> {
    const given = this.#settings(settings)
    const context = { service: 'ebs', libDirectory: path.join(this.#folder, 'lib'), run }
    const { sysfs, dev } = this.#disks
    return createEbsProvider(given, context, { sysfs: sysfs.root, dev, pace: 0.01 })
  }

  /** What doctor finds on this instance. */
  examine(settings: Settings = {}): Promise<readonly CheckResult[]> {
    const { endpoint } = this.#moto
    const services = { sts: endpoint, iam: endpoint, dryRunsAt: new URL(endpoint).host }
    const around = { sysfs: this.#disks.sysfs.root, answerMs: 4_000, ...services }
    const checks = ebsChecks(this.#settings(settings), { stopsMachines: true }, around)
    return examine([{ service: 'ebs', checks }], { eachMs: 20_000, allMs: 60_000 })
  }

  #settings(settings: Settings): EbsSettings {
    return ebsSettings.parse({
      accessKey: 'AKIDEXAMPLE',
      secretKey: 'secret',
      endpoint: this.#moto.endpoint,
      metadataEndpoint: this.#metadata.endpoint,
      maxRetries: 2,
      ...settings,
    })
  }

  async close(): Promise<void> {
    this.#isOn = false
    await this.#looking
    this.#region.close()
    await this.#metadata.close()
  }

  /** What the hypervisor would do: the kernel gets the disks that the control plane speaks of, a little later. */
  async #look(client: EC2Client): Promise<void> {
    while (this.#isOn) {
      await sleep(LOOK_MS)
      this.#show(await this.#attached(client))
    }
  }

  #show(attached: ReadonlyMap<string, Attached>): void {
    for (const [id, { sizeGiB, device }] of attached)
      if (!this.#shown.has(id)) this.#disks.appear({ id, sizeGiB }, device)
    for (const id of this.#shown) if (!attached.has(id)) this.#disks.vanish(id, false)
    this.#shown = new Set(attached.keys())
  }

  async #attached(client: EC2Client): Promise<ReadonlyMap<string, Attached>> {
    const { Volumes = [] } = await client.send(
      new DescribeVolumesCommand({
        Filters: [{ Name: 'attachment.instance-id', Values: [this.id] }],
      }),
    )
    return new Map(
      Volumes.map(({ VolumeId = '', Size = 0, Attachments = [] }) => {
        const device = Attachments[0]?.Device ?? ''
        return [VolumeId, { sizeGiB: Size, device }] as const
      }).filter(([, { device }]) => device !== ROOT_DEVICE),
    )
  }
}
