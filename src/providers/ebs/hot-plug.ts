import type { VolumeAttachment, VolumeId } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import type { BlockDevices } from './block-devices.ts'
import type { VolumeLookUps } from './look-ups.ts'

/** How long a disk is waited for before EC2 is asked whether it should be there, in milliseconds; it takes one to four seconds. */
export const MISSING_MS = 10_000
/** Who looks again within so many milliseconds waits for the disk; who looks now and then watches one that is gone. */
const WAITING_MS = 3_000

/** A disk that somebody waits for. */
interface Missing {
  readonly since: number
  lastLookAt: number
  /** When EC2 is asked; never again once the kernel was. */
  askAt: number
}

/** Has the kernel look for disks whose arrival it has missed: EC2 calls them attached, and none shows. */
export class HotPlug {
  readonly #lookUps: VolumeLookUps
  readonly #disks: Pick<BlockDevices, 'rescan'>
  readonly #missingMs: number
  readonly #missing = new Map<VolumeId, Missing>()

  constructor(parts: {
    readonly lookUps: VolumeLookUps
    readonly disks: Pick<BlockDevices, 'rescan'>
    readonly missingMs: number
  }) {
    this.#lookUps = parts.lookUps
    this.#disks = parts.disks
    this.#missingMs = parts.missingMs
  }

  found(id: VolumeId): void {
    this.#missing.delete(id)
  }

  /** Told of every look for the disk of an attachment here that showed none. The kernel is asked once for each attachment. */
  async missed(attachment: VolumeAttachment, signal?: AbortSignal): Promise<void> {
    const known = this.#waitedFor(attachment)
    if (performance.now() < known.askAt) return
    known.askAt = Number.POSITIVE_INFINITY
    if (await this.#isAttached(attachment, signal)) await this.#disks.rescan()
    else known.askAt = performance.now() + this.#missingMs
    known.lastLookAt = performance.now()
  }

  #waitedFor({ volumeId, since }: VolumeAttachment): Missing {
    const now = performance.now()
    const known = this.#missing.get(volumeId)
    if (known?.since === since.getTime() && now - known.lastLookAt < WAITING_MS) {
      known.lastLookAt = now
      return known
    }
    const begun = { since: since.getTime(), lastLookAt: now, askAt: now + this.#missingMs }
    this.#missing.set(volumeId, begun)
    return begun
  }

  /** Whether EC2 says so; where it does not answer, it is asked again later. */
  async #isAttached(
    { volumeId, instanceId, since }: VolumeAttachment,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    try {
      const seen = await this.#lookUps.byId(volumeId, signal)
      const mine = seen?.Attachments?.find(({ InstanceId }) => InstanceId === instanceId)
      return mine?.State === 'attached' && mine.AttachTime?.getTime() === since.getTime()
    } catch {
      throwIfAborted(signal)
      return false
    }
  }
}
