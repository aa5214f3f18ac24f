import {
  type FailedPreconditionError,
  NotFoundError,
  systemCode,
  UnavailableError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { readBootId } from '../../libstorage/process-identity.ts'
import type { Run } from '../../libstorage/run.ts'
import type {
  CallOptions,
  DetachOptions,
  SnapshotDriver,
  StorageDriver,
} from '../../libstorage/storage-driver.ts'
import type {
  AttachmentState,
  InstanceId,
  Volume,
  VolumeAttachment,
  VolumeChange,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
} from '../../libstorage/types.ts'
import { sleep, throwIfAborted } from '../../libstorage/wait.ts'
import { attachmentOf, type Claim, newClaim } from './claim.ts'
import type { Content } from './content.ts'
import { Copier } from './copy.ts'
import { inPool } from './errors.ts'
import { type MachineName, namedClaim } from './machine-name.ts'
import { Origin } from './origin.ts'
import type { Pool } from './pool.ts'
import { PoolSnapshots } from './pool-snapshots.ts'
import { heldBy, refuseDamaged, refuseDamagedClaim, refuseUnknown } from './refusals.ts'
import { growVolume, requireGrowth } from './resize.ts'
import { SnapshotShelf } from './snapshot-shelf.ts'
import type { StoredVolume } from './stored-volume.ts'

/** How often an attach begins anew when others attach and detach the same volume meanwhile. */
const ATTEMPTS = 3

interface TakeAwayOptions extends DetachOptions {
  /** The volume's folder is not in the pool any more, so that nobody can claim it meanwhile. */
  readonly isVanished?: boolean
}

/** Volumes in a pool. Who has one is said by its claim; whether that still holds, by the kernel. */
export class PoolDriver implements StorageDriver {
  readonly #pool: Pool
  readonly #content: Content
  readonly #self: MachineName
  readonly #bootId = readBootId()

  readonly snapshots: SnapshotDriver
  readonly #origin: Origin

  constructor(pool: Pool, content: Content, self: MachineName, run: Run) {
    this.#pool = pool
    this.#content = content
    this.#self = self
    const shelf = new SnapshotShelf(pool, run)
    const copier = new Copier(pool, content, (volume) => this.#stateOf(volume))
    this.#origin = new Origin(pool, content, shelf, copier)
    this.snapshots = new PoolSnapshots(pool, shelf, this.#origin)
  }

  get name(): string {
    return this.#content.name
  }

  volumes(query: VolumeQuery = {}, options: CallOptions = {}): Promise<readonly Volume[]> {
    return this.#pool.answer(options, async (signal) => {
      const { name, instanceId } = query
      const stored =
        name === undefined ? await this.#pool.list(signal) : [await this.#pool.byName(name, signal)]
      const volumes = stored.filter((one) => one !== undefined).map((one) => this.#volume(one))
      if (instanceId === undefined) return volumes
      return volumes.filter(({ attachments }) =>
        attachments.some((attachment) => attachment.instanceId === instanceId),
      )
    })
  }

  volume(id: VolumeId, options: CallOptions = {}): Promise<Volume> {
    return this.#pool.answer(options, async (signal) =>
      this.#volume(await this.#pool.byId(id, signal)),
    )
  }

  createVolume(spec: VolumeSpec, options: CallOptions = {}): Promise<Volume> {
    return this.#pool.answer(options, async (signal) => {
      refuseUnknown(this.name, spec)
      const fill = await this.#origin.of(spec, signal)
      return this.#volume(await this.#pool.create(spec, fill, signal))
    })
  }

  removeVolume(id: VolumeId, options: CallOptions = {}): Promise<void> {
    return this.#pool.answer(options, async (signal) => {
      const volume = await this.#pool.byId(id, signal)
      this.#refuseAttached(volume)
      await this.#disconnect(volume, undefined, { force: false, signal })
      const mayGo = (hidden: StoredVolume | undefined) => {
        if (hidden !== undefined && hidden.id !== volume.id)
          throw new NotFoundError(volumeNamed(id))
        if (hidden !== undefined) this.#refuseAttached(hidden)
      }
      await this.#pool.remove(volume, mayGo, signal)
    })
  }

  modifyVolume(id: VolumeId, change: VolumeChange, options: CallOptions = {}): Promise<Volume> {
    return this.#pool.answer(options, async (signal) => {
      const volume = await this.#pool.byId(id, signal)
      refuseDamaged(volume)
      const sizeGiB = requireGrowth(this.name, volume, change)
      // Of a growth that was cut short the content is believed; its record, by which a loss is told, follows here.
      if (sizeGiB > (volume.recordedGiB ?? volume.sizeGiB))
        await growVolume(this.#pool, this.#content, volume, sizeGiB, signal)
      // Also where nothing grew: a process may have died before it said so.
      await this.#content.announce(volume, signal)
      return this.#volume(await this.#pool.byId(id, signal))
    })
  }

  attachVolume(id: VolumeId, to: InstanceId, options: CallOptions = {}): Promise<VolumeAttachment> {
    return this.#pool.answer(options, async (signal) => {
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
    return this.#pool.answer(options, async (signal) => {
      const vanished = this.#connected(this.#pool.lastSeen(id))
      const volume = await this.#pool.byId(id, signal).catch((error: unknown) => {
        if (vanished === undefined || !(error instanceof NotFoundError)) throw error
        return vanished
      })
      refuseDamagedClaim(volume)
      const state = this.#stateOf(volume)
      const isTheirs = state !== undefined && this.#holderOf(volume) === from
      const isFree = state === undefined
      const { force = false } = options
      const taken =
        (isTheirs || isFree) &&
        (await this.#takeAway(volume, isTheirs, { force, signal, isVanished: volume === vanished }))
      if (!taken && !isTheirs)
        throw new NotFoundError(`attachment of ${volumeNamed(volume.name)} to ${from}`)
    })
  }

  /** A volume whose device is here: that is to be taken away even where its folder was taken out of the pool. */
  #connected(volume: StoredVolume | undefined): StoredVolume | undefined {
    const claim = volume?.claim
    if (claim?.device === undefined || claim.bootId !== this.#bootId) return undefined
    return this.#content.state(claim) === undefined ? undefined : volume
  }

  /** Ends what there is of an attachment, be it only a claim or only a device; whether there was a device. */
  async #takeAway(
    volume: StoredVolume,
    isAlive: boolean,
    options: TakeAwayOptions,
  ): Promise<boolean> {
    const { claim } = volume
    const ofThisBoot = claim?.bootId === this.#bootId ? claim : undefined
    if (claim && isAlive && !ofThisBoot)
      this.#content.assertReachable(volume, namedClaim(claim, this.#self))
    const taken = await this.#disconnect(volume, ofThisBoot, options)
    if (claim && options.isVanished !== true) await this.#end(volume, claim)
    return taken
  }

  #disconnect(
    volume: StoredVolume,
    claim: Claim | undefined,
    { force = false, signal, isVanished = false }: TakeAwayOptions,
  ): Promise<boolean> {
    const isUnchanged = async () =>
      isVanished || (await this.#pool.claimOn(volume))?.token === volume.claim?.token
    const options = { force, signal, isUnchanged, isVanished }
    return inPool(this.#pool.path, () => this.#content.disconnect(volume, claim, options))
  }

  /** One attempt; undefined when somebody else changed the volume's claim meanwhile. */
  async #attach(
    volume: StoredVolume,
    to: InstanceId,
    signal: AbortSignal | undefined,
  ): Promise<VolumeAttachment | undefined> {
    refuseDamaged(volume)
    const state = this.#stateOf(volume)
    if (volume.claim && state) {
      if (this.#holderOf(volume) !== to) throw this.#heldBy(volume, volume.claim)
      if (state === 'attached') return attachmentOf(volume.id, volume.claim, state)
    }
    throwIfAborted(signal)
    const device = await inPool(this.#pool.path, () => this.#content.connect(volume, signal))
    const claim = await this.#take(volume, { instance: to, device }, signal)
    if (claim === undefined) return undefined
    if (this.#content.state(claim) === 'attached') return attachmentOf(volume.id, claim, 'attached')
    await this.#end(volume, claim)
    return undefined
  }

  /** Takes a claim in the place of one that is over; where that fails, what was connected for it is given back. */
  async #take(
    volume: StoredVolume,
    wanted: Pick<Claim, 'instance' | 'device'>,
    signal: AbortSignal | undefined,
  ): Promise<Claim | undefined> {
    try {
      if (volume.claim) await this.#end(volume, volume.claim)
      const claim = newClaim({ ...wanted, machineId: this.#self.machineId })
      if (await this.#pool.take(volume, claim, signal)) return claim
      await this.#undo(volume, wanted)
      return undefined
    } catch (error) {
      await this.#undo(volume, wanted)
      if (systemCode(error) !== 'ENOENT') throw error
      throw new NotFoundError(volumeNamed(volume.id), error)
    }
  }

  /** The device stays where the one who won goes on with it. */
  async #undo(volume: StoredVolume, { device }: Pick<Claim, 'device'>): Promise<void> {
    if (device === undefined) return
    const winner = (await this.#pool.claimOn(volume))?.device
    const isTheirs = winner?.path === device.path && winner.diskseq === device.diskseq
    if (!isTheirs) await this.#content.undo(device)
  }

  #holderOf({ claim }: StoredVolume): InstanceId | undefined {
    return claim && namedClaim(claim, this.#self).instance
  }

  /** How a volume's claim stands; undefined when there is none, or it is over, though nobody took it away. */
  #stateOf(volume: StoredVolume): AttachmentState | undefined {
    const { claim, isElsewhere = false } = volume
    if (claim === undefined) return undefined
    if (claim.bootId === this.#bootId) return this.#content.state(claim)
    // Of an earlier boot of ours, or of another kernel: only where such a one can reach the pool it may still hold.
    return isElsewhere && this.#holderOf(volume) !== this.#self.instance ? 'attached' : undefined
  }

  /** Ends a claim, and lets the clock go on, so that the next attachment begins at another time. */
  async #end(volume: StoredVolume, claim: Claim): Promise<void> {
    await this.#pool.end(volume, claim)
    if (Date.now() === Date.parse(claim.since)) await sleep(2)
  }

  #refuseAttached(volume: StoredVolume): void {
    refuseDamagedClaim(volume)
    if (volume.claim && this.#stateOf(volume)) throw this.#heldBy(volume, volume.claim)
  }

  #heldBy(volume: StoredVolume, claim: Claim): FailedPreconditionError {
    return heldBy(volume, namedClaim(claim, this.#self))
  }

  #volume(stored: StoredVolume): Volume {
    const { id, name, sizeGiB, labels, createdAt, madeFrom, problem, claim } = stored
    const state = this.#stateOf(stored)
    return {
      id,
      name,
      sizeGiB,
      labels,
      managed: true,
      attachments: claim && state ? [attachmentOf(id, namedClaim(claim, this.#self), state)] : [],
      state: problem !== undefined ? 'error' : state ? 'in-use' : 'available',
      ...(madeFrom !== undefined && { madeFrom }),
      ...(createdAt !== undefined && { createdAt: new Date(createdAt) }),
      ...(problem !== undefined && { problem }),
    }
  }
}
