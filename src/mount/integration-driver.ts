import type { InstanceId, Snapshot, Volume } from '../libstorage/types.ts'
import type { MountSettings } from './settings.ts'

/** What every call may be given. */
export interface IntegrationCall {
  /** What holds for this call in place of the settings of its service, which say where volumes lie all the same. */
  readonly settings?: MountSettings
  /** Aborted when the caller went away or its deadline passed; work under way is finished, and kept for a repeat. */
  readonly signal?: AbortSignal
}

/** What a call may be given that gets a volume to this machine. */
export interface AcquiringCall extends IntegrationCall {
  /** Take it from another machine as with `mount.preempt: true`, and at once also where this machine lost it just now. */
  readonly force?: boolean
}

/** What a List may be given. */
export interface ListCall extends IntegrationCall {
  /** A word for the last change that another process made: what was remembered before it is not told any more. */
  readonly changedElsewhere?: string
  /** Reject when the platform cannot be asked, also where an old list is known. */
  readonly orReject?: boolean
}

/** Who wants a volume mounted: the id that Docker passes to Mount, or '' where the client sends none. */
export interface HolderRequest {
  readonly name: string
  readonly holder: string
}

/**
 * A volume mounted for a holder. The reference is durable already; what is not known yet is whether the caller learned
 * of it. Exactly one of the two is called when that is known.
 */
export interface MountedVolume {
  /** Absolute path of the directory for containers, inside the mounted file system. Never empty. */
  readonly mountpoint: string
  /** The reply was written: the reference stays until its Unmount. */
  delivered(): void
  /** The caller was gone before the reply: its reference is taken back. */
  undelivered(): void
}

/** What a copy of a snapshot shall be, where it shall be another than the original. */
export interface WantedCopy {
  readonly name?: string
  readonly region?: string
}

/** What Get and List tell of a volume. */
export interface VolumeView {
  readonly volume: Volume
  readonly service: string
  /** Where containers find it, only while it is mounted here. */
  readonly mountpoint?: string
  readonly mount?: MountView
  /** The message of the last operation that failed on it, until one succeeds. */
  readonly lastError?: string
}

/** Whose eyes volumes are seen with: this machine, as its platform names it. */
export interface Viewpoint {
  readonly instance: InstanceId
  readonly driver: string
}

/** What is known of a volume that is in use here. */
export interface MountView {
  /** ISO 8601. */
  readonly since: string
  /** The ids that hold it, without repeats. */
  readonly holders: readonly string[]
  /** Of the file system, as last measured; absent until it was. */
  readonly usage?: FileSystemUsage
}

/** Bytes of a mounted file system. */
export interface FileSystemUsage {
  readonly usedBytes: number
  readonly freeBytes: number
}

/**
 * Offers volumes by name to an orchestrator on this machine. What it promises is `docs/semantics.md`. All methods reject
 * with a `StorageError` whose message is meant for the user; anything else is a bug.
 */
export interface IntegrationDriver {
  /** `global` where other machines see the same volumes. */
  readonly scope: 'global' | 'local'
  /** Makes a volume; of an existing name it is a success that changes nothing. Options are Docker's `-o`, any letter case. */
  create(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<void>
  /** Makes a volume that is not there yet. Rejects with `AlreadyExistsError` where the name is taken. */
  createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<VolumeView>
  /** Destroys a volume that nobody uses. */
  remove(name: string, call?: IntegrationCall): Promise<void>
  /**
   * Makes a volume larger, in whole GiB, and the file system on it where it is mounted here; else that is done at its next
   * mount. Rejects with `UnsupportedError` where the driver cannot.
   */
  resize(name: string, sizeGiB: number, call?: IntegrationCall): Promise<VolumeView>
  /** All snapshots. Rejects with `UnsupportedError` where the driver has none. */
  snapshots(call?: IntegrationCall): Promise<readonly Snapshot[]>
  /** Takes a snapshot of a volume at one moment, in use or not. */
  createSnapshot(volume: string, name: string, call?: IntegrationCall): Promise<Snapshot>
  /** Makes another snapshot of what the one of this id or name holds. Rejects with `UnsupportedError` where the driver cannot. */
  copySnapshot(idOrName: string, wanted: WantedCopy, call?: IntegrationCall): Promise<Snapshot>
  /** Destroys the snapshot of this id, or of this name where only one has it. */
  removeSnapshot(idOrName: string, call?: IntegrationCall): Promise<void>
  /** Brings the volume to this machine and takes a reference for the holder. */
  mount(request: HolderRequest, call?: AcquiringCall): Promise<MountedVolume>
  /** Drops one of the holder's references; the last one leaving releases the volume. An unknown holder is a success. */
  unmount(request: HolderRequest, call?: IntegrationCall): Promise<void>
  /** Attaches the volume to this machine without mounting it; it stays so until somebody detaches it, or mounts and unmounts it. */
  attach(name: string, call?: AcquiringCall): Promise<void>
  /** Detaches a volume that nobody uses from this machine. Rejects with `FailedPreconditionError` where it is used, or not here. */
  detach(name: string, call?: IntegrationCall): Promise<void>
  /** Where containers find the volume, or undefined while it is not mounted here. */
  path(name: string, call?: IntegrationCall): Promise<string | undefined>
  get(name: string, call?: IntegrationCall): Promise<VolumeView>
  list(call?: ListCall): Promise<readonly VolumeView[]>
}
