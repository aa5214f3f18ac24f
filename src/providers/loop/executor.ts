import { NotFoundError } from '../../libstorage/errors.ts'
import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, InstanceId, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import { type Claim, isClaimOf } from '../pool/claim.ts'
import type { Content } from '../pool/content.ts'
import type { Pool } from '../pool/pool.ts'

/** Finds loop devices on this machine: by sysfs alone, once the claim was seen, so that a pool that hangs is no matter. */
export class LoopExecutor implements Executor {
  readonly #pool: Pool
  readonly #content: Content
  readonly #instance: InstanceId

  constructor(pool: Pool, content: Content, instance: InstanceId) {
    this.#pool = pool
    this.#content = content
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
    // An attachment's device never changes: a claim that was seen once needs no other look.
    const seen = this.#pool.lastClaim(attachment.volumeId)
    const claim = isClaimOf(seen, attachment) ? seen : await this.#read(attachment, options)
    if (claim === undefined) return undefined
    return this.#content.state(claim) === undefined ? undefined : claim.device?.path
  }

  async #read(attachment: VolumeAttachment, options: CallOptions): Promise<Claim | undefined> {
    try {
      const { claim } = await this.#pool.answer(options, (signal) =>
        this.#pool.byId(attachment.volumeId, signal),
      )
      return isClaimOf(claim, attachment) ? claim : undefined
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }
}
