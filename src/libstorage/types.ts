/** The platform's own, stable name of a volume; unique within a service. Everything kept is keyed by it. */
export type VolumeId = string

/** The platform's name of a machine, such as `i-0abc` or a host name. */
export type InstanceId = string

/** Where a volume stands in its life, as the platform reports it. */
export type VolumeState = 'creating' | 'available' | 'in-use' | 'deleting' | 'error'

/** Platform's name of a snapshot; unique within a service. */
export type SnapshotId = string

/** Where one attachment stands; `attached` alone means that the machine can use the device. */
export type AttachmentState = 'attaching' | 'attached' | 'detaching'

/** Ties a volume to the instance that has it, or is about to have or to lose it. */
export interface VolumeAttachment {
  readonly volumeId: VolumeId
  readonly instanceId: InstanceId
  readonly state: AttachmentState
  /**
   * When this attachment began, or `SINCE_UNTOLD`. With the volume's id it names one attachment for ever: a later one has
   * another time.
   */
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
  /** Whether the platform lets several machines have it at once: no file system of ours survives that. */
  readonly multiAttach?: boolean
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
  /** MiB/s. */
  readonly throughput?: number
  readonly encrypted?: boolean
  readonly encryptionKey?: string
  /** Where its first bytes come from; then it is at least as large as that. */
  readonly source?: VolumeSource
  /** Tags of the user's own, for platforms that have them. */
  readonly tags?: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

/** What a new volume begins as a copy of. */
export type VolumeSource =
  | { readonly kind: 'snapshot'; readonly id: SnapshotId }
  | {
      readonly kind: 'volume'
      readonly id: VolumeId
      /** Where it is, where that is known. */
      readonly zone?: string
    }

/** What shall become of a volume that exists; what is absent stays as it is. A volume never shrinks. */
export interface VolumeChange {
  /** Whole GiB. */
  readonly sizeGiB?: number
  readonly type?: string
  readonly iops?: number
}

/** What may be asked of a new volume, and not every platform has. */
export type VolumeWish =
  | 'zone'
  | 'type'
  | 'iops'
  | 'encrypted'
  | 'throughput'
  | 'encryptionKey'
  | 'source'
  | 'tags'

/** Which volumes are asked for. All fields together; an empty query means all of this zone. */
export interface VolumeQuery {
  /** The exact name, letter case included. */
  readonly name?: string
  /** Only those attached to this instance. */
  readonly instanceId?: InstanceId
  /** Also those in other zones of the region. */
  readonly anyZone?: boolean
}

/** The volumes of the region that have one name, in whatever letter case. */
export interface Namesakes {
  /** Those in this zone, as a query by name would find them. */
  readonly here: readonly Volume[]
  /** Those in other zones. */
  readonly elsewhere: readonly Volume[]
}

/** The machine that this process runs on, as the platform names it. */
export interface Instance {
  readonly id: InstanceId
  readonly name?: string
  readonly zone?: string
}

/** Where a machine stands in its life: `stopping` also while it is being terminated, `terminated` also when it is gone for good. */
export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'terminated'

/** A machine as the platform sees it, from outside. */
export interface InstanceStatus {
  readonly id: InstanceId
  readonly state: InstanceState
  /** When it came into that state, where the platform tells. */
  readonly since?: Date
}

/** The bytes of a volume at one moment, kept by the platform. */
export interface Snapshot {
  readonly id: SnapshotId
  /** The user's name for it; may be empty, and several may have one name. */
  readonly name: string
  /** The volume it was taken of, which may be gone by now. */
  readonly volumeId: VolumeId
  /** Whole GiB: the least size of a volume made from it. */
  readonly sizeGiB: number
  readonly state: 'pending' | 'complete' | 'error'
  readonly createdAt: Date
  readonly labels: Readonly<Record<string, string>>
  /** The one that it is a copy of, where the platform goes on reading that while the copy is `pending`. */
  readonly copyOf?: SnapshotId
  /** Set where another program took it, such as one that makes backups: that one looks after it, and its volume may be none of ours. */
  readonly foreign?: true
}

/** What a new snapshot shall be. */
export interface SnapshotSpec {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** What a copy of a snapshot shall be. */
export interface SnapshotCopySpec extends SnapshotSpec {
  /** Where it is made; the region of the original where none is named. A driver without regions refuses one. */
  readonly region?: string
}

/** Which snapshots are asked for. All fields together; an empty query means all of ours. */
export interface SnapshotQuery {
  /** The exact name, letter case included. */
  readonly name?: string
  readonly volumeId?: VolumeId
}
