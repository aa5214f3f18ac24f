/** The platform's own, stable name of a volume; unique within a service. Everything kept is keyed by it. */
export type VolumeId = string

/** The platform's name of a machine, such as `i-0abc` or a host name. */
export type InstanceId = string

/** Where a volume stands in its life, as the platform reports it. */
export type VolumeState = 'creating' | 'available' | 'in-use' | 'deleting' | 'error'

/** Where one attachment stands; `attached` alone means that the machine can use the device. */
export type AttachmentState = 'attaching' | 'attached' | 'detaching'

/** Ties a volume to the instance that has it, or is about to have or to lose it. */
export interface VolumeAttachment {
  readonly volumeId: VolumeId
  readonly instanceId: InstanceId
  readonly state: AttachmentState
  /** When this attachment began. With the volume's id it names one attachment for ever: a later one has another time. */
  readonly since: Date
  /** The device name the platform uses; what the kernel calls it only the executor knows. */
  readonly deviceName?: string
}

/** A piece of storage on a platform, as one look-up saw it. */
export interface Volume {
  readonly id: VolumeId
  /** The user's name for it. Two volumes of one name are possible where the platform allows it. */
  readonly name: string
  /** The availability zone, or undefined where the platform has none. */
  readonly zone?: string
  /** Whole GiB (2^30 bytes). A directory volume has the size that was asked for, which nothing enforces. */
  readonly sizeGiB: number
  readonly type?: string
  readonly iops?: number
  readonly encrypted?: boolean
  readonly state: VolumeState
  readonly attachments: readonly VolumeAttachment[]
  /** Set when its first bytes came from somewhere: such a volume is never formatted. */
  readonly madeFrom?: 'snapshot' | 'volume'
  /** Whether this program made it: a volume that somebody else made must prove over more samples that it is blank. */
  readonly managed: boolean
  /** The system that manages it instead of us; such a volume is never removed by us. */
  readonly managedBy?: string
  readonly createdAt?: Date
  /** What is wrong with it where the state is `error`, as a clause: `has lost its file /x/disk`. */
  readonly problem?: string
  /** Small facts kept with the volume by the platform, so that every machine sees them (file system, owner, mount options). */
  readonly labels: Readonly<Record<string, string>>
}

/** What a new volume shall be. A driver refuses what its platform cannot do; it never ignores a field in silence. */
export interface VolumeSpec {
  readonly name: string
  /** Whole GiB, at least 1. */
  readonly sizeGiB: number
  readonly zone?: string
  readonly type?: string
  readonly iops?: number
  readonly encrypted?: boolean
  readonly encryptionKey?: string
  readonly labels: Readonly<Record<string, string>>
}

/** What may be asked of a new volume, and not every platform has. */
export type VolumeWish = 'zone' | 'type' | 'iops' | 'encrypted' | 'encryptionKey'

/** Which volumes are asked for. All fields together; an empty query means all of this zone. */
export interface VolumeQuery {
  /** The exact name, letter case included. */
  readonly name?: string
  /** Only those attached to this instance. */
  readonly instanceId?: InstanceId
  /** Also those in other zones of the region. */
  readonly anyZone?: boolean
}

/** The machine that this process runs on, as the platform names it. */
export interface Instance {
  readonly id: InstanceId
  readonly name?: string
  readonly zone?: string
}
