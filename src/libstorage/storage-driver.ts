import type {
  Instance,
  InstanceId,
  InstanceStatus,
  Namesakes,
  Snapshot,
  SnapshotCopySpec,
  SnapshotId,
  SnapshotQuery,
  SnapshotSpec,
  Volume,
  VolumeAttachment,
  VolumeChange,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
  VolumeWish,
} from './types.ts'

/*
 * The life of a volume, from create to remove
 *
 * A volume is born by `createVolume`, on a platform and not on a machine: it has an id that it keeps
 * for ever and a name that its user chose. It holds nothing yet; whether it is blank is not for the
 * driver to say, but for whoever looks at the device.
 *
 * A container starts somewhere. `attachVolume` ties the volume to that machine, as a
 * `VolumeAttachment` that begins at a time of its own (`since`). The platform may say `attaching`
 * for a while; the machine itself is the better witness. So the driver's other half, the `Executor`,
 * is asked on that machine which device the attachment is, and it answers only with a device it has
 * verified to be this volume's: by serial number, by inode, by whatever cannot be mistaken. A device name
 * alone proves nothing.
 *
 * What happens on the device (format, check, mount) is not the driver's business. When the last
 * container has gone and nobody holds the device, `detachVolume` ends the attachment, naming the
 * instance it ends it for, because by then the volume may be somebody else's. Elsewhere the story
 * begins again with `attachVolume`. `removeVolume` ends it all.
 *
 * At every comma of this story a process may die, a reply be lost, the same call come twice or
 * another machine do it too. Six sentences make that bearable. Every driver keeps them, and the
 * driver suite (`test/support/driver-suite.ts`) shows it:
 *
 *  1. A method given an unknown id rejects with `NotFoundError` (the idempotent layer turns it into
 *     success for remove and detach); an empty list is `[]`.
 *  2. A method resolves when the platform reports the state asked for, not when it accepted the
 *     request; `attachVolume` alone may resolve while `attaching`, since the device itself, found and
 *     verified by the executor, is the better witness and costs no call.
 *  3. Attaching a volume that another instance holds rejects with a `FailedPreconditionError` that
 *     names the holder, and changes nothing.
 *  4. Detach names the instance it detaches from; it never takes a volume from anyone else.
 *  5. An aborted `signal` rejects promptly and starts nothing new; what is under way is safe to repeat.
 *  6. No driver logs, caches for others, or locks by itself what a layer can do for all; an optional
 *     ability is an optional member, never a method that throws "not implemented".
 */

/** What every call may be given. */
export interface CallOptions {
  /** Ends the wait for a call; see sentence 5. */
  readonly signal?: AbortSignal
}

/** What a call about a volume that its caller knows by name may be given. */
export interface NamedCallOptions extends CallOptions {
  /** What the volume is called, so that errors can say it beside the id. */
  readonly volumeName?: string
}

/** Where namesakes are looked for. */
export interface NamesakesOptions extends CallOptions {
  /** A zone that counts too where those of other zones are none of ours: a volume is to be made there. */
  readonly zone?: string
}

/** How a volume is made. */
export interface CreateOptions extends CallOptions {
  /**
   * Called where the volume is a copy, once what is written to its source later does not enter it any more and only waiting is
   * left; not where it is made at one stroke.
   */
  readonly accepted?: () => Promise<void>
}

/** How a volume is detached. */
export interface DetachOptions extends NamedCallOptions {
  /** Take the device away though the machine has not let go of it. Loses what was not yet written. */
  readonly force?: boolean
  /** Called once the platform has taken the request and only waiting is left; not where it is done at one stroke. */
  readonly accepted?: () => Promise<void>
}

/** Speaks to a platform's control plane, and could run anywhere. The contract is the essay above. */
export interface StorageDriver {
  readonly name: string
  /** The volumes that fit the query, in no promised order. A name matches exactly. */
  volumes(query?: VolumeQuery, options?: CallOptions): Promise<readonly Volume[]>
  /** The volume with this id. Rejects with `NotFoundError` when the platform knows none. */
  volume(id: VolumeId, options?: CallOptions): Promise<Volume>
  /**
   * Makes a volume. Rejects with `AlreadyExistsError` when a living one of that name is in the same place,
   * with `InvalidArgumentError` for a spec the platform cannot fulfil; nothing half made stays.
   */
  createVolume(spec: VolumeSpec, options?: CreateOptions): Promise<Volume>
  /** Destroys a volume. Rejects with `FailedPreconditionError` while it is attached anywhere. */
  removeVolume(id: VolumeId, options?: CallOptions): Promise<void>
  /** Ties the volume to an instance; a repeat for the same instance returns the attachment that is there. */
  attachVolume(id: VolumeId, to: InstanceId, options?: NamedCallOptions): Promise<VolumeAttachment>
  /** Ends the attachment to this instance. Rejects with `NotFoundError` when there is none. */
  detachVolume(id: VolumeId, from: InstanceId, options?: DetachOptions): Promise<void>
  /**
   * Changes a volume, attached or not; its device may show the new size a little later. Rejects with
   * `InvalidArgumentError` for a change the platform cannot make, one to a smaller size among them.
   */
  modifyVolume?(id: VolumeId, change: VolumeChange, options?: CallOptions): Promise<Volume>
  /**
   * All volumes whose names differ from this one in letter case at most, in one look-up. Absent where only a list of all
   * volumes could tell, or costs as little.
   */
  namesakes?(name: string, options?: NamesakesOptions): Promise<Namesakes>
  /**
   * What keeps the platform from answering at this moment, while that is asked again in silence, as a clause:
   * `EC2 answers RequestLimitExceeded`. Absent where nothing is.
   */
  hindrance?(): string | undefined
  /** Absent where the platform knows nothing of machines. */
  readonly instances?: InstanceDriver
  /** Absent where the platform has none. */
  readonly snapshots?: SnapshotDriver
}

/** Other machines, as taking a volume over from one needs them. */
export interface InstanceDriver {
  /** How the machine stands; undefined when the platform knows none of this id, or none any more. */
  status(id: InstanceId, options?: CallOptions): Promise<InstanceStatus | undefined>
  /**
   * Asks for the machine to be stopped; resolves when the platform has accepted that, and whoever waits looks at `status`.
   * Rejects with `FailedPreconditionError` when it refuses, as for a machine that cannot be stopped.
   */
  stop(id: InstanceId, options?: CallOptions): Promise<void>
}

/** Copies of volumes at one moment. */
export interface SnapshotDriver {
  /** The snapshots that fit the query, in no promised order. */
  list(query?: SnapshotQuery, options?: CallOptions): Promise<readonly Snapshot[]>
  /**
   * Takes a snapshot of the volume as its device shows it now; resolves when what is written later no longer enters it,
   * be it `pending` still. Rejects with `NotFoundError` when there is no such volume.
   */
  create(volumeId: VolumeId, spec: SnapshotSpec, options?: CallOptions): Promise<Snapshot>
  /**
   * Makes another snapshot of what this one holds; resolves when it is surely made, be it `pending` still. Where a platform
   * could not tell a repeat from a second wish, the copy of that name that is there is the answer to both. Rejects with
   * `NotFoundError` when there is none of this id. Absent where the platform cannot.
   */
  copy?(id: SnapshotId, spec: SnapshotCopySpec, options?: CallOptions): Promise<Snapshot>
  /** Rejects with `NotFoundError` when there is none of this id. Volumes made from it stay. */
  remove(id: SnapshotId, options?: CallOptions): Promise<void>
}

/** Answers what only the machine itself knows. Makes no call to the platform where it can be avoided. */
export interface Executor {
  /** Which instance this machine is. Rejects with a sentence when the machine cannot tell. */
  instance(options?: CallOptions): Promise<Instance>
  /**
   * The absolute path of the block device (or, for directory storage, of the directory) behind an attachment
   * to this machine, verified to be that volume's; undefined while it is not there.
   */
  device(attachment: VolumeAttachment, options?: CallOptions): Promise<string | undefined>
}

/** A driver and its executor, with the facts about them that others decide by. */
export interface Provider {
  readonly driver: StorageDriver
  readonly executor: Executor
  /** `block`: a device that wants a file system. `directory`: a directory that is used as it is. */
  readonly storage: 'block' | 'directory'
  /** `global` where other machines see the same volumes; Docker shows it as the driver's scope. */
  readonly scope: 'global' | 'local'
  /** Whether a look-up always shows the changes made before it, or may lag behind them for a while. */
  readonly consistency: 'strong' | 'eventual'
  /** The wishes that mean something on this platform; whoever makes a volume leaves the others out, and says so. */
  readonly wishes: ReadonlySet<VolumeWish>
  /**
   * Whether a text has the form of an id of this platform's volumes, as every id has. Where a name is expected it may mean
   * that volume, and no new volume is named so.
   */
  looksLikeId(text: string): boolean
  /**
   * Gives back what it holds on the platform, such as a session; takes two seconds at most and never rejects. Absent where
   * it holds nothing.
   */
  close?(): Promise<void>
}
