export type Tags = Readonly<Record<string, string>>

export interface SimAttachment {
  readonly volumeId: string
  readonly instanceId: string
  readonly device: string
  readonly state: 'attaching' | 'attached' | 'detaching' | 'busy'
  readonly time: Date
  readonly deleteOnTermination: boolean
}

export interface SimVolume {
  readonly id: string
  readonly zone: string
  readonly sizeGiB: number
  readonly type: string
  readonly iops?: number | undefined
  readonly throughput?: number | undefined
  readonly encrypted: boolean
  readonly kmsKeyId?: string | undefined
  readonly snapshotId?: string | undefined
  readonly sourceVolumeId?: string | undefined
  readonly multiAttach: boolean
  /** A service of AWS that manages it. */
  readonly operator?: string | undefined
  readonly createTime: Date
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'error'
  readonly tags: Tags
  readonly attachments: readonly SimAttachment[]
}

export type SimInstanceState =
  | 'pending'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'shutting-down'
  | 'terminated'

export interface SimInstance {
  readonly id: string
  readonly zone: string
  readonly type: string
  readonly state: SimInstanceState
  /** As EC2 words it: `User initiated (2026-01-02 03:04:05 GMT)`. */
  readonly reason: string
  /** Its guest answers to nothing any more, though EC2 calls it running. */
  readonly isHung: boolean
  /** Over how many routers its metadata are answered; 2 unless said. */
  readonly hopLimit?: number
  /** The name of its instance profile, where it has one. */
  readonly profile?: string
}

export interface SimSnapshot {
  readonly id: string
  readonly volumeId: string
  readonly sizeGiB: number
  readonly state: 'pending' | 'completed' | 'error'
  /** Why it is in error. */
  readonly stateMessage?: string
  readonly description?: string | undefined
  readonly encrypted: boolean
  readonly kmsKeyId?: string | undefined
  /** Whether it was copied and not taken. */
  readonly isCopy?: true
  readonly startTime: Date
  readonly tags: Tags
}

export interface SimModification {
  readonly volumeId: string
  readonly state: 'modifying' | 'optimizing' | 'completed' | 'failed'
  readonly statusMessage?: string | undefined
  readonly startTime: Date
  readonly from: SimShape
  readonly to: SimShape
}

export interface SimShape {
  readonly sizeGiB: number
  readonly type: string
  readonly iops?: number | undefined
  readonly throughput?: number | undefined
}

/** What an instance can have. */
export interface SimInstanceType {
  readonly name: string
  readonly hypervisor: 'nitro' | 'xen'
  /** Volumes, the root one among them. */
  readonly attachments: number
  /** NVMe disks of its own, which share a number of places with volumes; those are taken off `attachments` already. */
  readonly ownDisks?: number
}
