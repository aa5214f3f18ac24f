import type { VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import type { BlockDevices } from './block-devices.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { toAttachment } from './volume.ts'

/** A disk of which EC2 has said that it is an attachment's. */
interface KnownDisk {
  readonly since: number
  /** The name that EC2 attached it under. */
  readonly deviceName: string
  /** The kernel's number for it, which no other disk ever has. */
  readonly sequence: string
}

/**
 * Finds the disks of attachments to this machine where they have no serial numbers, so that EC2 must say which name and size
 * a volume has. It is asked once the kernel has a disk of that name, and not again while that very disk is there.
 */
export class XenDisks {
  readonly #disks: BlockDevices
  readonly #lookUps: VolumeLookUps
  readonly #known = new Map<VolumeId, KnownDisk>()

  constructor(parts: { readonly disks: BlockDevices; readonly lookUps: VolumeLookUps }) {
    this.#disks = parts.disks
    this.#lookUps = parts.lookUps
  }

  /** The path of the disk; undefined while it is not there, or where EC2 says that the attachment is not. */
  async find(attachment: VolumeAttachment, signal?: AbortSignal): Promise<string | undefined> {
    const { volumeId, deviceName } = attachment
    if (deviceName !== undefined && !this.#disks.isPresent(deviceName)) return undefined
    const known = this.#known.get(volumeId)
    if (known?.since === attachment.since.getTime()) {
      const { sequence } = known
      const path = await this.#disks.find({ volumeId, deviceName: known.deviceName, sequence })
      if (path !== undefined) return path
    }
    this.#known.delete(volumeId)
    return await this.#asked(attachment, signal)
  }

  async #asked(
    { volumeId, instanceId, since, deviceName }: VolumeAttachment,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    // Before and after: in between another disk may have come under the name.
    const sequence = deviceName && this.#disks.sequence(deviceName)
    const seen = await this.#lookUps.byId(volumeId, signal)
    const here = seen?.Attachments?.find(({ InstanceId }) => InstanceId === instanceId)
    if (seen === undefined || here === undefined) return undefined
    if (toAttachment(volumeId, here)?.since.getTime() !== since.getTime()) return undefined
    const found = { volumeId, deviceName: here.Device, sizeGiB: seen.Size }
    const path = await this.#disks.find(found)
    const isSame = here.Device === deviceName && sequence === this.#disks.sequence(deviceName ?? '')
    if (path !== undefined && deviceName && sequence && isSame)
      this.#known.set(volumeId, { since: since.getTime(), deviceName, sequence })
    return path
  }
}
