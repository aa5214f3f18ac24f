import { basename, dirname } from 'node:path'
import { NotFoundError } from '../../libstorage/errors.ts'
import { readBootId } from '../../libstorage/process-identity.ts'
import type { CallOptions, Executor } from '../../libstorage/storage-driver.ts'
import type { Instance, InstanceId, VolumeAttachment } from '../../libstorage/types.ts'
import { throwIfAborted } from '../../libstorage/wait.ts'
import { type Claim, isClaimOf } from '../pool/claim.ts'
import type { Content } from '../pool/content.ts'
import type { Pool } from '../pool/pool.ts'
import { DISK_FILE } from './driver.ts'
import { loopStatus } from './losetup.ts'

/** How the kernel calls a volume's file that has no name any more. */
const DELETED = `${DISK_FILE} (deleted)`

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
      if (error instanceof NotFoundError) return this.#recall(attachment)
      throw error
    }
  }

  /** A volume whose folder was taken out of the pool while its device was in use: the device is all that is left of it. */
  #recall({ volumeId, instanceId, since, deviceName }: VolumeAttachment): Claim | undefined {
    const status = deviceName === undefined ? undefined : loopStatus(deviceName)
    if (deviceName === undefined || status === undefined) return undefined
    const { diskseq, backingFile } = status
    const folder = dirname(backingFile)
    const isOfPool = dirname(folder) === this.#pool.path && basename(backingFile) === DELETED
    if (!isOfPool) return undefined
    const device = { path: deviceName, diskseq, backingFile }
    const facts = { token: '', since: since.toISOString(), bootId: readBootId(), device }
    const claim = { ...facts, instance: instanceId }
    this.#pool.recall({ id: volumeId, folder, claim })
    return claim
  }
}
