import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted, untilAborted } from '../../libstorage/wait.ts'
import type { BlockDevices } from './block-devices.ts'
import type { HotPlug } from './hot-plug.ts'
import type { MachineIdentity } from './identity.ts'
import type { VolumeLookUps } from './look-ups.ts'
import type { ThisInstance } from './this-instance.ts'
import { toAttachment } from './volume.ts'

/** Finds this machine's identity and the disks of its volumes. */
export class EbsExecutor implements Executor {
  readonly #identity: MachineIdentity
  readonly #disks: BlockDevices
  readonly #lookUps: VolumeLookUps
  readonly #here: ThisInstance
  readonly #hotPlug: HotPlug
  /** Whether disks have no serial numbers here, so that EC2 must say which name and size a volume has. */
  readonly #isXen: boolean

  constructor(parts: {
    readonly identity: MachineIdentity
    readonly disks: BlockDevices
    readonly lookUps: VolumeLookUps
    readonly here: ThisInstance
    readonly hotPlug: HotPlug
    readonly isXen: boolean
  }) {
    this.#identity = parts.identity
    this.#disks = parts.disks
    this.#lookUps = parts.lookUps
    this.#here = parts.here
    this.#hotPlug = parts.hotPlug
    this.#isXen = parts.isXen
  }

  async instance({ signal }: CallOptions = {}): Promise<Instance> {
    const { instanceId, zone } = await untilAborted(this.#identity.get(), signal)
    return { id: instanceId, name: instanceId, zone }
  }

  async device(
    attachment: VolumeAttachment,
    { signal }: CallOptions = {},
  ): Promise<string | undefined> {
    throwIfAborted(signal)
    const { instanceId } = await this.#identity.own()
    const { volumeId } = attachment
    if (attachment.instanceId !== instanceId || this.#here.hasEnded(attachment)) return undefined
    if (!this.#isXen) return await this.#bySerial(attachment, signal)
    const seen = await this.#lookUps.byId(volumeId, signal)
    const here = seen?.Attachments?.find(({ InstanceId }) => InstanceId === instanceId)
    if (seen === undefined || here === undefined) return undefined
    const shown = toAttachment(volumeId, here)
    if (shown?.since.getTime() !== attachment.since.getTime()) return undefined
    return await this.#disks.find({ volumeId, deviceName: here.Device, sizeGiB: seen.Size })
  }

  async #bySerial(attachment: VolumeAttachment, signal?: AbortSignal): Promise<string | undefined> {
    const { volumeId } = attachment
    if (this.#disks.isThere({ volumeId })) this.#hotPlug.found(volumeId)
    else await this.#hotPlug.missed(attachment, signal)
    return await this.#disks.find({ volumeId })
  }
}
