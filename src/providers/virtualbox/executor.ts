import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted, untilAborted } from '../../libstorage/wait.ts'
import type { VirtualboxClient } from './client.ts'
import { asStorageError } from './errors.ts'
import type { LocalDisks } from './local-disks.ts'
import type { LocalMachine } from './local-machine.ts'

/** Finds this machine among those of the host, and the disks of its volumes by their serial numbers. */
export class VirtualboxExecutor implements Executor {
  readonly #client: VirtualboxClient
  readonly #local: LocalMachine
  readonly #disks: LocalDisks

  constructor(parts: {
    readonly client: VirtualboxClient
    readonly local: LocalMachine
    readonly disks: LocalDisks
  }) {
    this.#client = parts.client
    this.#local = parts.local
    this.#disks = parts.disks
  }

  async instance({ signal }: CallOptions = {}): Promise<Instance> {
    const { known } = this.#local
    if (known !== undefined) return await untilAborted(known, signal)
    const { endpoint } = this.#client
    try {
      return await this.#client.use((session) => this.#local.get(session), signal)
    } catch (error) {
      throw asStorageError(error, { subject: 'this machine', endpoint })
    }
  }

  async device(
    attachment: VolumeAttachment,
    { signal }: CallOptions = {},
  ): Promise<string | undefined> {
    throwIfAborted(signal)
    const { id } = await this.instance(signal === undefined ? {} : { signal })
    return attachment.instanceId === id ? await this.#disks.device(attachment) : undefined
  }
}
