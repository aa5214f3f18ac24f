import type { FileSystemUsage } from './integration-driver.ts'
import type { ToolRecord } from './ledger-record.ts'

/** One mount in this process's mount namespace. */
export interface MountEntry {
  readonly mountPoint: string
  /** `major:minor` of the block device beneath; for btrfs that of its source, since the kernel shows an anonymous one. */
  readonly deviceNumber: string
  readonly source: string
  readonly fsType: string
  /** The file system turned itself read-only by an error: mounted to be written, it no longer is. */
  readonly failedReadOnly: boolean
}

/** A block device that was found to be a volume's. */
export interface Disk {
  readonly device: string
  /**
   * What told it from a later one of the same name then: a tool that changes what is on the disk does not begin where the
   * name means another disk by now, and the call rejects with `UnavailableError`.
   */
  readonly identity?: string | undefined
}

/** What lies on a device, as its signatures say. */
export type DeviceContent =
  | { readonly kind: 'file-system'; readonly fsType: string; readonly uuid: string | undefined }
  /** No signature. Not yet proof that the device is blank. */
  | { readonly kind: 'nothing' }
  /** Something that is never formatted over: named as a user knows it. */
  | { readonly kind: 'foreign'; readonly what: string }

/** How thoroughly a device is looked at before it counts as blank. */
export interface BlankTest {
  /** The size the platform says it has. */
  readonly sizeBytes: number
  /** Also look at 1,024 samples of 64 KiB: for a volume that we did not make. */
  readonly sampled: boolean
}

/** What mkfs is told. */
export interface NewFileSystemSpec {
  readonly fsType: string
  /** Chosen beforehand, so that a later look can tell whether it was this mkfs that made the file system. */
  readonly uuid: string
  readonly label: string
}

/** Told of a tool before it begins; its work starts only when this has resolved. */
export type ToolStarting = (tool: ToolRecord) => Promise<void>

/** A file system that is to be grown to its device. */
export interface GrowthTarget extends Disk {
  readonly fsType: string
  /** Where it is mounted; undefined while nobody holds the device. */
  readonly mountPoint?: string
}

/** A file system that lets nobody write. */
export interface Frozen {
  /** Lets everybody go on; what is thawed already stays so. */
  thaw(): Promise<void>
}

/** A copied btrfs: the UUID that it came with, and the one that it alone shall have. */
export interface CopyIdentity extends Disk {
  readonly uuid: string | undefined
  readonly ownUuid: string
}

/** Who owns the data folder, and its permission bits. */
export interface DataFolder {
  /** Absolute; the mount point itself where no folder inside is used. */
  readonly path: string
  readonly mountPoint: string
  /** Bits for a new folder. */
  readonly mode: number
  readonly uid: number | undefined
  readonly gid: number | undefined
  /** Bits that are set at every mount, or undefined. */
  readonly enforcedMode: number | undefined
  /** Whether it must lie on a file system of its own: everywhere but on directory volumes. */
  readonly onMount: boolean
  /** Whether the file system was made just now, so that even its root is new. */
  readonly fresh: boolean
}

/**
 * The kernel and its tools, as far as volumes need them. Whatever touches a volume's device or file system has a time
 * limit and never blocks this process: methods reject with `TimeoutError` where a disk hangs.
 */
export interface Mounter {
  /** All mounts of this process's namespace, the topmost of a mount point last. From the kernel's tables: never waits for a disk. */
  mounts(): readonly MountEntry[]
  /** `major:minor` of a block device, or undefined when it is gone. From sysfs: never waits for a disk. */
  deviceNumber(device: string): string | undefined
  /**
   * What tells a block device from a later one of the same name; undefined when it is gone or has lost its disk (size 0).
   * From sysfs: never waits for a disk.
   */
  deviceIdentity(device: string): string | undefined
  /** Whether an exclusive open succeeds; `held` while any mount namespace or tool has the device. */
  exclusiveOpen(device: string): Promise<'free' | 'held'>
  /** Whether the disk itself, not the cache, answers a read. */
  answers(device: string): Promise<boolean>
  /** Whether a mounted file system answers for its root: xfs that an error has shut down says so nowhere else. */
  serves(mountPoint: string): Promise<boolean>
  identify(device: string): Promise<DeviceContent>
  /** Whether the mkfs that this file system comes from has come to its end: then it may have been used since. */
  isFinished(device: string, fsType: string): Promise<boolean>
  /** Undefined when the device is blank, else what was found and where, as a clause: `has data at byte 4096`. */
  findData(device: string, test: BlankTest): Promise<string | undefined>
  /** Rejects with `FailedPreconditionError` that names the package, where this file system cannot be made here. */
  requireMaker(fsType: string): Promise<void>
  /** Takes away the signatures of an mkfs that was cut short: mkfs.btrfs refuses a UUID that it finds on any device. */
  wipeSignatures(disk: Disk): Promise<void>
  makeFileSystem(disk: Disk, spec: NewFileSystemSpec, starting: ToolStarting): Promise<void>
  /**
   * Checks and repairs what is safe to repair; thoroughly before a growth, which wants that. Rejects with
   * `FailedPreconditionError` that names the command that repairs.
   */
  check(
    disk: Disk,
    fsType: string,
    starting: ToolStarting,
    depth?: 'quick' | 'thorough',
  ): Promise<void>
  /** How many bytes of the device its file system could use and does not; 0 where it fills its device. */
  unfilled(device: string, fsType: string): Promise<number>
  /**
   * Grows a file system to its device. Rejects with a `StorageError` where that is not done: a mounted file system is
   * then as it was, one that nobody has mounted may be half changed, and is checked thoroughly before anybody does.
   */
  grow(target: GrowthTarget, starting: ToolStarting): Promise<void>
  /** The size of a device that the kernel knows, in bytes; 0 for one that is gone. Never waits for a disk. */
  sizeOf(device: string): number
  /** Writes back all that is dirty in the file system that is mounted there. */
  flush(mountPoint: string): Promise<void>
  /**
   * Lets nobody write to the file system that is mounted there until it is thawed, this process dies, or 30 s have
   * passed. Rejects where it cannot be frozen.
   */
  freeze(mountPoint: string, starting: ToolStarting): Promise<Frozen>
  /** Thaws what was left frozen; what is not frozen stays as it is. Rejects where it may still be frozen. */
  thaw(mountPoint: string): Promise<void>
  /**
   * Makes a copied btrfs another one than what it was copied from, so that both can be mounted. Rejects with
   * `FailedPreconditionError` where that has to wait.
   */
  tellApart(copy: CopyIdentity, starting: ToolStarting): Promise<void>
  /** Makes the directory, immutable where the file system below knows that. */
  prepareMountPoint(mountPoint: string): Promise<void>
  /** Removes the empty directory. Only after an exclusive open has succeeded: it takes the mount from every namespace. */
  removeMountPoint(mountPoint: string): Promise<void>
  mount(disk: Disk, mountPoint: string, fsType: string, options: readonly string[]): Promise<void>
  /** `busy` while a process of this namespace has a file open there. */
  unmount(mountPoint: string): Promise<'unmounted' | 'busy'>
  /** Takes a mount away from this namespace though it is in use; what has it open keeps it. */
  unmountLazily(mountPoint: string): Promise<void>
  /** Shows a directory volume at its mount point. */
  linkDirectory(directory: string, mountPoint: string): Promise<void>
  unlinkDirectory(mountPoint: string): Promise<void>
  /** What the link at a mount point leads to, or undefined when there is none. */
  linkedDirectory(mountPoint: string): Promise<string | undefined>
  prepareDataFolder(folder: DataFolder): Promise<void>
  usage(mountPoint: string): Promise<FileSystemUsage>
  /** What a directory volume holds, by adding up its files, and what is free in the file system that it lies on. */
  directoryUsage(directory: string): Promise<FileSystemUsage>
  /** Tries mount options on a scratch file system of this type. Rejects with `InvalidArgumentError` that names the wrong one. */
  tryMountOptions(fsType: string, options: readonly string[]): Promise<void>
  /** The processes of this machine that use the mount point or the device, as `pid 12 (postgres)`. */
  users(mountPoint: string, deviceNumber: string | undefined): Promise<readonly string[]>
}
