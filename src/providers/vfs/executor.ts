import { join } from 'node:path'
import { NotFoundError } from '../../libstorage/errors.ts'
import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, InstanceId, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import { isClaimOf } from '../pool/claim.ts'
import type { Pool } from '../pool/pool.ts'
import { FILES_FOLDER } from './driver.ts'

/** Finds directories: the one of a volume, while the claim on it is this very attachment. */
export class VfsExecutor implements Executor {
  readonly #pool: Pool
  readonly #instance: InstanceId

  constructor(pool: Pool, instance: InstanceId) {
    this.#pool = pool
    this.#instance = instance
  }

  async instance(): Promise<Instance> {
    return { id: this.#instance, name: this.#instance }
  }

  async device(
    attachment: VolumeAttachment,
    options: CallOptions = {},
  ): Promise<string | undefined> {
    throwIfAborted(options.signal)
    if (attachment.instanceId !== this.#instance) return undefined
    try {
      const volume = await this.#pool.answer(options, (signal) =>
        this.#pool.byId(attachment.volumeId, signal),
      )
      const isHere = isClaimOf(volume.claim, attachment) && volume.problem === undefined
      return isHere ? join(volume.folder, FILES_FOLDER) : undefined
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }
}
