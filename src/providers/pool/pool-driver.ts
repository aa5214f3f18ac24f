import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import {
  NotFoundError,
  systemCode,
  UnavailableError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { readBootId } from '../../libstorage/process-identity.ts'
import type { CallOptions, DetachOptions, StorageDriver } from '../../libstorage/storage-driver.ts'
import type {
  AttachmentState,
  InstanceId,
  Volume,
  VolumeAttachment,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
} from '../../libstorage/types.ts'
import { abortReason, sleep, throwIfAborted, untilAborted } from '../../libstorage/wait.ts'
import { type Claim, type ClaimedDevice, endClaim, readClaim, takeClaim } from './claim.ts'
import type { Content, DisconnectOptions } from './content.ts'
import { inPool } from './errors.ts'
import type { Pool } from './pool.ts'
import { heldBy, refuseDamaged, refuseDamagedClaim, refuseUnknown } from './refusals.ts'
import type { StoredVolume } from './stored-volume.ts'

/** How often an attach begins anew when others attach and detach the same volume meanwhile. */
const ATTEMPTS = 3

/** Volumes in a pool. Who has one is said by its claim; whether that still holds, by the kernel. */
export class PoolDriver implements StorageDriver {
  readonly #pool: Pool
  readonly #content: Content
  readonly #instance: InstanceId
  readonly #bootId = readBootId()

  constructor(pool: Pool, content: Content, instance: InstanceId) {
    this.#pool = pool
    this.#content = content
    this.#instance = instance
  }

  get name(): string {
    return this.#content.name
  }

  volumes(query: VolumeQuery = {}, { signal }: CallOptions = {}): Promise<readonly Volume[]> {
    return abortable(signal, async () => {
      const { name, instanceId } = query
      const stored =
        name === undefined ? await this.#pool.list(signal) : [await this.#pool.byName(name)]
      const volumes: Volume[] = []
      for (const one of stored) if (one !== undefined) volumes.push(await this.#volume(one))
      if (instanceId === undefined) return volumes
      return volumes.filter(({ attachments }) =>
        attachments.some((attachment) => attachment.instanceId === instanceId),
      )
    })
  }

  volume(id: VolumeId, { signal }: CallOptions = {}): Promise<Volume> {
    return abortable(signal, async () => this.#volume(await this.#pool.byId(id, signal)))
  }

  createVolume(spec: VolumeSpec, { signal }: CallOptions = {}): Promise<Volume> {
    return abortable(signal, async () => {
      refuseUnknown(this.name, spec)
      return this.#volume(await this.#pool.create(spec, this.#content.make))
    })
  }

  removeVolume(id: VolumeId, { signal }: CallOptions = {}): Promise<void> {
    return abortable(signal, async () => {
      const volume = await this.#pool.byId(id, signal)
      await this.#refuseAttached(volume)
      await this.#disconnect(volume, undefined, { force: false, signal })
      throwIfAborted(signal)
      await this.#pool.remove(volume, async (hidden) => {
        if (hidden !== undefined && hidden.id !== volume.id)
          throw new NotFoundError(volumeNamed(id))
        if (hidden !== undefined) await this.#refuseAttached(hidden)
      })
    })
  }

  attachVolume(
    id: VolumeId,
    to: InstanceId,
    { signal }: CallOptions = {},
  ): Promise<VolumeAttachment> {
    return abortable(signal, async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const attachment = await this.#attach(await this.#pool.byId(id, signal), to, signal)
        if (attachment !== undefined) return attachment
      }
      throw new UnavailableError({
        subject: volumeNamed(id),
        problem: 'is being attached and detached by others at the same time',
        remedy: 'try again',
      })
    })
  }

  detachVolume(id: VolumeId, from: InstanceId, options: DetachOptions = {}): Promise<void> {
    return abortable(options.signal, async () => {
      const volume = await this.#pool.byId(id, options.signal)
      refuseDamagedClaim(volume)
      const state = volume.claim && (await this.#stateOf(volume.claim))
      const isTheirs = state !== undefined && volume.claim?.instance === from
      const isFree = state === undefined
      const taken = (isTheirs || isFree) && (await this.#takeAway(volume, isTheirs, options))
      if (!taken && !isTheirs)
        throw new NotFoundError(`attachment of ${volumeNamed(volume.name)} to ${from}`)
    })
  }

  /** Ends what there is of an attachment, be it only a claim or only a device; whether there was a device. */
  async #takeAway(
    volume: StoredVolume,
    isAlive: boolean,
    { force = false, signal }: DetachOptions,
  ): Promise<boolean> {
    const { claim } = volume
    const ofThisBoot = claim?.bootId === this.#bootId ? claim : undefined
    if (claim && isAlive && !ofThisBoot) this.#content.assertReachable(volume, claim)
    const taken = await this.#disconnect(volume, ofThisBoot, { force, signal })
    if (claim) await this.#end(volume, claim)
    return taken
  }

  #disconnect(
    volume: StoredVolume,
    claim: Claim | undefined,
    options: DisconnectOptions,
  ): Promise<boolean> {
    return inPool(this.#pool.path, () => this.#content.disconnect(volume, claim, options))
  }

  /** One attempt; undefined when somebody else changed the volume's claim meanwhile. */
  async #attach(
    volume: StoredVolume,
    to: InstanceId,
    signal: AbortSignal | undefined,
  ): Promise<VolumeAttachment | undefined> {
    refuseDamaged(volume)
    const state = volume.claim && (await this.#stateOf(volume.claim))
    if (volume.claim && state) {
      if (volume.claim.instance !== to) throw heldBy(volume, volume.claim)
      if (state === 'attached') return attachmentOf(volume.id, volume.claim, state)
    }
    throwIfAborted(signal)
    const device = await inPool(this.#pool.path, () => this.#content.connect(volume, signal))
    if (volume.claim) await this.#end(volume, volume.claim)
    const claim = this.#newClaim(to, device)
    if (!(await this.#take(volume, claim))) return undefined
    if (this.#content.state(claim) === 'attached') return attachmentOf(volume.id, claim, 'attached')
    await this.#end(volume, claim)
    return undefined
  }

  /** Takes the claim; where that fails, what was connected for it is given back. */
  async #take({ id, folder }: StoredVolume, claim: Claim): Promise<boolean> {
    try {
      const won = await inPool(this.#pool.path, async () => {
        await this.#pool.sweep(folder, await readdir(folder))
        return takeClaim(folder, claim, this.#pool.owner)
      })
      if (!won) await this.#undo(folder, claim)
      return won
    } catch (error) {
      await this.#undo(folder, claim)
      throw systemCode(error) === 'ENOENT' ? new NotFoundError(volumeNamed(id), error) : error
    }
  }

  /** The device stays where the one who won goes on with it. */
  async #undo(folder: string, { device }: Claim): Promise<void> {
    if (device === undefined) return
    const winner = (await readClaim(folder))?.device
    const isTheirs = winner?.path === device.path && winner.diskseq === device.diskseq
    if (!isTheirs) await this.#content.undo(device)
  }

  #newClaim(instance: InstanceId, device: ClaimedDevice | undefined): Claim {
    return {
      token: randomBytes(8).toString('hex'),
      instance,
      since: new Date().toISOString(),
      bootId: this.#bootId,
      ...(device && { device }),
    }
  }

  /** How a claim stands; undefined when it is over, though nobody took it away. */
  async #stateOf(claim: Claim): Promise<AttachmentState | undefined> {
    if (claim.bootId === this.#bootId) return this.#content.state(claim)
    // Of an earlier boot of ours, or of another kernel: only where such a one can reach the pool it may still hold.
    if (claim.instance === this.#instance) return undefined
    return (await this.#pool.isShared()) ? 'attached' : undefined
  }

  /** Ends a claim, and lets the clock go on, so that the next attachment begins at another time. */
  async #end({ folder }: StoredVolume, claim: Claim): Promise<void> {
    await inPool(this.#pool.path, () => endClaim(folder, claim, this.#pool.owner))
    if (Date.now() === Date.parse(claim.since)) await sleep(2)
  }

  async #refuseAttached(volume: StoredVolume): Promise<void> {
    refuseDamagedClaim(volume)
    if (volume.claim && (await this.#stateOf(volume.claim))) throw heldBy(volume, volume.claim)
  }

  async #volume(stored: StoredVolume): Promise<Volume> {
    const { id, name, sizeGiB, labels, createdAt, problem, claim } = stored
    const state = claim && (await this.#stateOf(claim))
    return {
      id,
      name,
      sizeGiB,
      labels,
      managed: true,
      attachments: claim && state ? [attachmentOf(id, claim, state)] : [],
      state: problem !== undefined ? 'error' : state ? 'in-use' : 'available',
      ...(createdAt !== undefined && { createdAt: new Date(createdAt) }),
      ...(problem !== undefined && { problem }),
    }
  }
}

function attachmentOf(
  volumeId: VolumeId,
  { instance, since, device }: Claim,
  state: AttachmentState,
): VolumeAttachment {
  return {
    volumeId,
    instanceId: instance,
    state,
    since: new Date(since),
    ...(device && { deviceName: device.path }),
  }
}

/** Gives up at once when the caller goes away; what is under way ends by itself. */
function abortable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal?.aborted) return Promise.reject(abortReason(signal))
  return untilAborted(work(), signal)
}
