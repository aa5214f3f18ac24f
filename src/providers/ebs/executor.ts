import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted, untilAborted } from '../../libstorage/wait.ts'
import type { BlockDevices } from './block-devices.ts'
import type { HotPlug } from './hot-plug.ts'
import type { MachineIdentity } from './identity.ts'
import type { ThisInstance } from './this-instance.ts'
import type { XenDisks } from './xen-disks.ts'

/** Finds this machine's identity and the disks of its volumes. */
export class EbsExecutor implements Executor {
  readonly #identity: MachineIdentity
  readonly #disks: BlockDevices
  readonly #here: ThisInstance
  readonly #hotPlug: HotPlug
  readonly #xenDisks: XenDisks | undefined

  constructor(parts: {
    readonly identity: MachineIdentity
    readonly disks: BlockDevices
    readonly here: ThisInstance
    readonly hotPlug: HotPlug
    /** Where disks have no serial numbers. */
    readonly xenDisks: XenDisks | undefined
  }) {
    this.#identity = parts.identity
    this.#disks = parts.disks
    this.#here = parts.here
    this.#hotPlug = parts.hotPlug
    this.#xenDisks = parts.xenDisks
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
    if (attachment.instanceId !== instanceId || this.#here.hasEnded(attachment)) return undefined
    return this.#xenDisks === undefined
      ? await this.#bySerial(attachment, signal)
      : await this.#xenDisks.find(attachment, signal)
  }

  async #bySerial(attachment: VolumeAttachment, signal?: AbortSignal): Promise<string | undefined> {
    const { volumeId } = attachment
    if (this.#disks.isThere({ volumeId })) this.#hotPlug.found(volumeId)
    else await this.#hotPlug.missed(attachment, signal)
    return await this.#disks.find({ volumeId })
  }
}
