import {
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  UnsupportedError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import { KeyedMutex } from '../../libstorage/keyed-mutex.ts'
import type {
  CallOptions,
  DetachOptions,
  InstanceDriver,
  SnapshotDriver,
  StorageDriver,
} from '../../libstorage/storage-driver.ts'
import type {
  InstanceId,
  Volume,
  VolumeAttachment,
  VolumeChange,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
} from '../../libstorage/types.ts'
import { throwIfAborted, untilAborted } from '../../libstorage/wait.ts'
import type { AttachmentContext } from './attachment-context.ts'
import { attachVolume } from './attachments.ts'
import type { VirtualboxClient, WebSession } from './client.ts'
import { type CreationContext, createVolume } from './creation.ts'
import { detachVolume } from './detachment.ts'
import { asStorageError, heldBy } from './errors.ts'
import { hostMachines } from './instances.ts'
import { requireNoLaterImage } from './later-images.ts'
import { GIB, type Medium } from './media.ts'
import { growMedium, removeMedium } from './media-making.ts'
import { mediumSnapshots } from './snapshots.ts'

/** What the driver is made of. */
export interface VirtualboxParts extends AttachmentContext, Omit<CreationContext, 'endpoint'> {
  readonly client: VirtualboxClient
}

/** Volumes as hard disks of a VirtualBox host, found by their names in its registry. */
export class VirtualboxDriver implements StorageDriver {
  readonly name = 'virtualbox'
  readonly instances: InstanceDriver
  readonly snapshots: SnapshotDriver
  readonly #parts: VirtualboxParts
  /** Of two resizes of one volume the server refuses the second. */
  readonly #resizes = new KeyedMutex()

  constructor(parts: VirtualboxParts) {
    this.#parts = parts
    const ask = this.#ask.bind(this)
    this.instances = hostMachines(parts.machines, ask)
    this.snapshots = mediumSnapshots(this.#creation, ask)
  }

  volumes(
    { name, instanceId }: VolumeQuery = {},
    { signal }: CallOptions = {},
  ): Promise<readonly Volume[]> {
    return this.#ask(
      'volumes',
      async (session) => {
        const found = await this.#parts.media.volumes(session, { name }, signal)
        if (instanceId === undefined) return found
        return found.filter((one) => one.attachments.some((held) => held.instanceId === instanceId))
      },
      signal,
    )
  }

  volume(id: VolumeId, { signal }: CallOptions = {}): Promise<Volume> {
    return this.#ask(
      volumeNamed(id),
      async (session) => (await this.#required(session, id, signal)).volume,
      signal,
    )
  }

  createVolume(spec: VolumeSpec, { signal }: CallOptions = {}): Promise<Volume> {
    const wanted = { ...spec, createdAt: new Date() }
    return this.#ask(
      volumeNamed(spec.name),
      async (session) => {
        const id = await createVolume(this.#creation, session, wanted, signal)
        return (await this.#required(session, id, signal)).volume
      },
      signal,
    )
  }

  removeVolume(id: VolumeId, { signal }: CallOptions = {}): Promise<void> {
    return this.#ask(
      volumeNamed(id),
      async (session) => {
        const { volume, medium } = await this.#required(session, id, signal)
        const [holder] = volume.attachments
        if (holder !== undefined) throw heldBy(volume.name, holder)
        throwIfAborted(signal)
        await removeMedium(session, medium)
      },
      signal,
    )
  }

  attachVolume(
    id: VolumeId,
    to: InstanceId,
    { signal }: CallOptions = {},
  ): Promise<VolumeAttachment> {
    return this.#ask(
      volumeNamed(id),
      async (session) => {
        // Before a machine is locked for what is not there.
        await this.#required(session, id, signal)
        return await attachVolume(this.#parts, session, { id, to }, signal)
      },
      signal,
    )
  }

  detachVolume(
    id: VolumeId,
    from: InstanceId,
    { force = false, signal }: DetachOptions = {},
  ): Promise<void> {
    return this.#ask(
      volumeNamed(id),
      (session) => detachVolume(this.#parts, session, { id, from, force }, signal),
      signal,
    )
  }

  modifyVolume(id: VolumeId, change: VolumeChange, { signal }: CallOptions = {}): Promise<Volume> {
    return this.#ask(
      volumeNamed(id),
      (session) =>
        this.#resizes.run(id, async () => {
          throwIfAborted(signal)
          const { volume, medium } = await this.#required(session, id, signal)
          const sizeGiB = requirePossible(volume, change)
          if (sizeGiB * GIB <= medium.sizeBytes) return volume
          if (medium.state === 'LockedWrite') throw runs(volume)
          // The image before it would stay as small as it is.
          await requireNoLaterImage(session, medium, volume.name)
          await growMedium(session, medium, { subject: volumeNamed(volume.name), sizeGiB })
          return (await this.#required(session, id, signal)).volume
        }),
      signal,
    )
  }

  get #creation(): CreationContext {
    return { ...this.#parts, endpoint: this.#parts.client.endpoint }
  }

  async #required(
    session: WebSession,
    id: VolumeId,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly volume: Volume; readonly medium: Medium }> {
    const found = await this.#parts.media.volume(session, id, signal)
    if (found === undefined) throw new NotFoundError(volumeNamed(id))
    return found
  }

  /**
   * Does work in a web session; what VirtualBox says against it becomes one of our errors. A caller that goes away leaves
   * behind what is under way, with the web session that it needs.
   */
  async #ask<T>(
    subject: string,
    work: (session: WebSession) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const { client } = this.#parts
    throwIfAborted(signal)
    try {
      return await untilAborted(client.use(work, signal), signal)
    } catch (error) {
      throw asStorageError(error, { subject, endpoint: client.endpoint })
    }
  }
}

/** The size that a volume shall have. Throws where it cannot be changed so. */
function requirePossible(
  volume: Volume,
  { sizeGiB = volume.sizeGiB, type, iops }: VolumeChange,
): number {
  const subject = volumeNamed(volume.name)
  const isOther = type !== undefined && type.toLowerCase() !== volume.type
  if (isOther || iops !== undefined)
    throw new UnsupportedError({
      subject,
      problem: 'cannot be changed but in size',
      remedy: 'make another volume from it',
    })
  if (Number.isInteger(sizeGiB) && sizeGiB >= volume.sizeGiB) return sizeGiB
  throw new InvalidArgumentError({
    subject,
    problem: `has ${volume.sizeGiB} GiB and cannot have ${sizeGiB}`,
    remedy: `say a whole number from ${volume.sizeGiB}`,
  })
}

function runs({ name, attachments }: Volume): FailedPreconditionError {
  const holder = attachments[0]?.instanceId ?? 'a machine'
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is attached to ${holder}, which runs: VirtualBox makes no disk larger that is written to`,
    remedy: 'stop what uses it, so that it is detached, and try again',
  })
}
