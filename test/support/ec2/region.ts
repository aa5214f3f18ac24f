import { randomBytes } from 'node:crypto'
import type { IamAccount } from '../iam/account.ts'
import { notFound } from './api-error.ts'
import { Clock } from './clock.ts'
import type { Delays } from './delays.ts'
import { LaggingMap } from './lagging-map.ts'
import type {
  SimAttachment,
  SimInstance,
  SimInstanceType,
  SimModification,
  SimSnapshot,
  SimVolume,
} from './resources.ts'

/** What a machine sees of the volumes that are attached to it. */
export interface GuestDisks {
  appear(volume: SimVolume, device: string): void
  /** `pulled`: while somebody still used it. */
  vanish(volumeId: string, pulled: boolean): void
  /** Whether something on the machine has the disk open for itself, as a mount does. */
  isHeld(volumeId: string): boolean
  grow(volumeId: string, sizeGiB: number): void
}

/** How one machine behaves when a disk that it has mounted is to be detached: it is pulled, or EC2 waits. */
export type HeldDisk = 'pull' | 'busy'

/** A key of KMS: what becomes of a volume that is made with it. */
export type KeyFate = 'usable' | 'vanish' | 'error'

/** What a client token stands for. */
export interface TokenUse {
  readonly fingerprint: string
  /** The volume as it was when it was made. */
  readonly made: SimVolume
  readonly at: number
}

/** The numbers of an account. */
export interface RegionLimits {
  volumes: number
  /** Copies of snapshots under way to this region. */
  snapshotCopies: number
  tokenLifeMs: number
  /** Modifications of one volume in 24 hours. */
  modifications: number
}

/** One region of one account: everything there is, and the rules that hold it together. */
export class Region {
  readonly name: string
  readonly zones: readonly string[]
  readonly accountId = '123456789012'
  readonly clock = new Clock()
  readonly delays: Delays
  readonly volumes: LaggingMap<SimVolume>
  readonly instances: LaggingMap<SimInstance>
  readonly snapshots: LaggingMap<SimSnapshot>
  readonly modifications: LaggingMap<readonly SimModification[]>
  /** When each volume was attached last, of the epoch, in milliseconds. */
  readonly lastAttached = new Map<string, number>()
  readonly tokens = new Map<string, TokenUse>()
  readonly types = new Map<string, SimInstanceType>()
  readonly keys = new Map<string, KeyFate>()
  readonly guests = new Map<string, GuestDisks>()
  readonly heldDisks = new Map<string, HeldDisk>()
  /** Volumes whose next attach stays `attaching`. */
  readonly stuckAttaching = new Set<string>()
  /** Actions that the caller's policy does not allow. */
  readonly denied = new Set<string>()
  /** Whose keys and policies count; without one every key may do everything. */
  account: IamAccount | undefined
  /** The other regions of the account, by name. */
  readonly others = new Map<string, Region>()
  /** Whether a request with `DryRun` is only tried: what is like EC2 may not know it. */
  obeysDryRun = true
  /** How far the clock of the service is before that of the machines, in milliseconds. */
  skewMs = 0
  /** The key that the account encrypts volumes with that do not ask for it, or undefined. */
  defaultKey: string | undefined
  readonly limits: RegionLimits = {
    volumes: 5_000,
    snapshotCopies: 20,
    tokenLifeMs: 12 * 3_600_000,
    modifications: 4,
  }

  constructor(delays: Delays, name = 'us-east-1') {
    this.name = name
    this.zones = [`${name}a`, `${name}b`]
    this.delays = delays
    this.volumes = new LaggingMap(this.clock, delays.lag)
    this.instances = new LaggingMap(this.clock, delays.lag)
    this.snapshots = new LaggingMap(this.clock, delays.lag)
    this.modifications = new LaggingMap(this.clock, delays.lag)
    for (const [name, hypervisor, attachments] of TYPES)
      this.types.set(name, { name, hypervisor, attachments })
  }

  /** The time that the service has and sends with its answers, in milliseconds since 1970. */
  serviceTime(): number {
    return this.clock.now() + this.skewMs
  }

  newId(prefix: 'vol' | 'i' | 'snap'): string {
    return `${prefix}-0${randomBytes(8).toString('hex')}`
  }

  /** The volume as it is; throws EC2's refusal where there is none. */
  volume(id: string): SimVolume {
    const found = this.volumes.get(id)
    if (found === undefined) throw notFound('volume', [id])
    return found
  }

  instance(id: string): SimInstance {
    const found = this.instances.get(id)
    if (found === undefined) throw notFound('instance', [id])
    return found
  }

  /** Changes a volume that is still there. */
  change(id: string, change: Partial<SimVolume>): void {
    const known = this.volumes.get(id)
    if (known !== undefined) this.volumes.set(id, { ...known, ...change })
  }

  /** Changes one attachment, if it is still there; `undefined` ends it. */
  changeAttachment(attachment: SimAttachment, change: Partial<SimAttachment> | undefined): void {
    const { attachments = [] } = this.volumes.get(attachment.volumeId) ?? {}
    this.change(attachment.volumeId, {
      attachments: attachments.flatMap((one) => {
        if (!isSame(one, attachment)) return [one]
        return change === undefined ? [] : [{ ...one, ...change }]
      }),
    })
  }

  /** The attachment as it is now, or undefined when it is over. */
  current(attachment: SimAttachment): SimAttachment | undefined {
    return this.volumes.get(attachment.volumeId)?.attachments.find((one) => isSame(one, attachment))
  }

  attachmentsOf(instanceId: string): SimAttachment[] {
    return this.volumes
      .all()
      .flatMap(({ attachments }) => attachments)
      .filter((one) => one.instanceId === instanceId)
  }

  close(): void {
    this.clock.close()
  }
}

const TYPES: readonly (readonly [string, 'nitro' | 'xen', number])[] = [
  ['m5.large', 'nitro', 27],
  ['m7i.large', 'nitro', 32],
  ['t3.nano', 'nitro', 4],
  ['m4.large', 'xen', 39],
]

function isSame(one: SimAttachment, other: SimAttachment): boolean {
  return one.instanceId === other.instanceId && one.time.getTime() === other.time.getTime()
}
