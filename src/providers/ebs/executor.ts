import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import type { BlockDevices } from './block-devices.ts'
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
  /** Whether disks have no serial numbers here, so that EC2 must say which name and size a volume has. */
  readonly #isXen: boolean

  constructor(parts: {
    readonly identity: MachineIdentity
    readonly disks: BlockDevices
    readonly lookUps: VolumeLookUps
    readonly here: ThisInstance
    readonly isXen: boolean
  }) {
    this.#identity = parts.identity
    this.#disks = parts.disks
    this.#lookUps = parts.lookUps
    this.#here = parts.here
    this.#isXen = parts.isXen
  }

  async instance(): Promise<Instance> {
    const { instanceId, zone } = await this.#identity.get()
    return { id: instanceId, name: instanceId, zone }
  }

  async device(
    attachment: VolumeAttachment,
    { signal }: CallOptions = {},
  ): Promise<string | undefined> {
    throwIfAborted(signal)
    const { instanceId } = await this.#identity.get()
    const { volumeId } = attachment
    if (attachment.instanceId !== instanceId || this.#here.hasEnded(attachment)) return undefined
    if (!this.#isXen) return await this.#disks.find({ volumeId })
    const seen = await this.#lookUps.byId(volumeId, signal)
    const here = seen?.Attachments?.find(({ InstanceId }) => InstanceId === instanceId)
    if (seen === undefined || here === undefined) return undefined
    const shown = toAttachment(volumeId, here)
    if (shown?.since.getTime() !== attachment.since.getTime()) return undefined
    return await this.#disks.find({ volumeId, deviceName: here.Device, sizeGiB: seen.Size })
  }
}
