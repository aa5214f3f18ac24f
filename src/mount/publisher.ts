import type { Volume, VolumeAttachment } from '../libstorage/types.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { Place } from './places.ts'
import type { VolumeSession } from './volume-session.ts'

/** A volume that is attached to this machine, and where it shall be found. */
export interface AttachedVolume {
  readonly volume: Volume
  readonly attachment: VolumeAttachment
  /** The block device, or the directory of a directory volume. */
  readonly device: string
  /** Of a block device, what tells it from a later one of its name. */
  readonly identity?: string | undefined
  readonly place: Place
}

/** How a volume stands at its place: `dead` is there but does not work, `taken` is somebody else's mount. */
export type PlaceState = 'published' | 'absent' | 'dead' | 'taken'

/** Makes an attached volume a directory on this machine, and takes that back. */
export interface Publisher {
  /** Whether an exclusive open can tell that nobody uses the storage; without that a reference is never called stale. */
  readonly tellsUse: boolean
  look(device: string, place: Place): Promise<PlaceState>
  /** Whether the place was published, by a look at the kernel's tables alone; never waits for a disk. */
  isPublished(device: string, place: Place): boolean
  /**
   * From device to directory. Each step is safe to repeat, and to die after. Resolves with what went wrong though the
   * volume can be used, as a sentence.
   */
  publish(session: VolumeSession, attached: AttachedVolume): Promise<string | undefined>
  /** Makes good what a process that died left undone at a place that is published already. */
  complete(session: VolumeSession, attached: AttachedVolume): Promise<void>
  /**
   * Grows what is published at the place to its device; resolves with why that was not done, as a sentence. Where there
   * is no file system of its own there is nothing to grow.
   */
  grow(session: VolumeSession, device: string, place: Place): Promise<string | undefined>
  /**
   * Takes it away from there. `busy` while a process of this namespace has a file open there; `absent` where nothing of
   * ours was there to take away, what is somebody else's stays as it is.
   */
  withdraw(device: string | undefined, mountPoint: string): Promise<'gone' | 'busy' | 'absent'>
  /** Takes a dead mount of ours away from the host, whoever has files open in it. Rejects where even that cannot be done. */
  abandon(device: string, mountPoint: string): Promise<void>
  /** Whether nobody, in no namespace, holds the device. */
  isFree(device: string): Promise<boolean>
  /** Removes the empty place. Only after the device was found free. */
  tidy(place: Place): Promise<void>
  /** The processes that use the volume, for a message. */
  users(device: string, place: Place): Promise<readonly string[]>
}

/** What the ledger says from before a volume is published: it is attached for us, and what comes there is ours. */
export function mountRecords({
  attachment,
  device,
  identity,
  place,
}: AttachedVolume): Pick<LedgerRecord, 'attachment' | 'mount'> {
  const { instanceId, since, deviceName } = attachment
  return {
    attachment: {
      ...{ instanceId, since: since.toISOString(), deviceName },
      ...(identity === undefined ? {} : { disk: { device, identity } }),
    },
    mount: {
      mountPoint: place.mountPoint,
      device,
      identity,
      since: new Date().toISOString(),
      complete: false,
    },
  }
}
