import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  volumeNamed,
} from '../../src/libstorage/errors.ts'
import type { CallOptions, Provider, StorageDriver } from '../../src/libstorage/storage-driver.ts'
import type {
  AttachmentState,
  InstanceId,
  Volume,
  VolumeAttachment,
  VolumeId,
  VolumeQuery,
  VolumeSpec,
} from '../../src/libstorage/types.ts'
import { throwIfAborted, untilAborted } from '../../src/libstorage/wait.ts'

import { gate } from './gate.ts'
import { MemoryClock, MemoryMachines } from './memory-machines.ts'

/** The calls of a driver and an executor, as {@link MemoryPlatform.calls} names them. */
export type MemoryCall =
  | keyof Omit<StorageDriver, 'name' | 'instances' | 'snapshots'>
  | 'instance'
  | 'device'
  | 'instanceStatus'
  | 'stopInstance'

/** The form of this platform's ids. */
const MEMORY_ID = /^vol-[0-9a-f]{17}$/

/** What a device name stands for. */
export interface MemoryDevice {
  readonly volumeId: VolumeId
  readonly instanceId: InstanceId
  /** False from the moment the platform took it away. */
  readonly live: boolean
}

interface Kept {
  /** Another machine that has it at the same time. */
  alsoWith?: VolumeAttachment
  volume: Omit<Volume, 'attachments' | 'state'>
  attachment: (VolumeAttachment & { deviceName: string }) | undefined
  state: Volume['state'] | undefined
}

/**
 * A platform with volumes and machines, in memory: what a cloud does, at a test's command. Detaching a device that
 * `isHeld` says is in use is refused unless by force, as a kernel would.
 */
export class MemoryPlatform {
  readonly clock: MemoryClock
  /** Every call that arrived, in order. */
  readonly calls: { readonly call: MemoryCall; readonly instanceId: InstanceId }[] = []
  /** Whether somebody on its machine holds a device. A test's kernel replaces it. */
  isHeld: (device: string) => boolean = () => false
  /** While true, an attachment stays `attaching` without a device until {@link settle}. */
  attachesSlowly = false
  /** The zones of machines, where the platform has zones; a volume is made in the zone of the machine that asks. */
  readonly zones = new Map<InstanceId, string>()
  /** The machines that volumes are attached to. */
  readonly machines: MemoryMachines
  readonly #volumes = new Map<VolumeId, Kept>()
  readonly #devices = new Map<string, MemoryDevice>()
  readonly #failures = new Map<MemoryCall, Error[]>()
  readonly #gates = new Map<MemoryCall, Promise<void>>()
  readonly #lasting = new Map<MemoryCall, Error>()
  #made = 0

  constructor(clock: MemoryClock = new MemoryClock()) {
    this.clock = clock
    this.machines = new MemoryMachines(clock)
  }

  /** The platform as one machine sees it. */
  provider(
    instanceId: InstanceId,
    facts: Partial<Pick<Provider, 'storage' | 'scope' | 'wishes'>> = {},
  ): Provider {
    const on = <T>(call: MemoryCall, { signal }: CallOptions, work: () => T): Promise<T> =>
      this.#arrive(call, instanceId, signal, work)
    return {
      storage: 'block',
      scope: 'global',
      consistency: 'eventual',
      looksLikeId: (text) => MEMORY_ID.test(text),
      wishes: new Set(['zone', 'type', 'iops', 'encrypted', 'encryptionKey'] as const),
      ...facts,
      driver: {
        name: 'memory',
        volumes: (query = {}, options = {}) =>
          on('volumes', options, () => this.#list(query, this.zones.get(instanceId))),
        volume: (id, options = {}) => on('volume', options, () => shown(this.#get(id))),
        createVolume: (spec, options = {}) =>
          on('createVolume', options, () => this.#create({ ...this.#zoneOf(instanceId), ...spec })),
        removeVolume: (id, options = {}) => on('removeVolume', options, () => this.#remove(id)),
        attachVolume: (id, to, options = {}) =>
          on('attachVolume', options, () => this.#attach(id, to)),
        detachVolume: (id, from, options = {}) =>
          on('detachVolume', options, () => this.#detach(id, from, options.force === true)),
        instances: {
          status: (id, options = {}) =>
            on('instanceStatus', options, () => this.machines.status(id)),
          stop: (id, options = {}) => on('stopInstance', options, () => this.machines.stop(id)),
        },
      },
      executor: {
        instance: (options = {}) =>
          on('instance', options, () => ({ id: instanceId, ...this.#zoneOf(instanceId) })),
        device: (attachment, options = {}) =>
          on('device', options, () =>
            attachment.instanceId === instanceId ? this.#device(attachment) : undefined,
          ),
      },
    }
  }

  /** Makes a volume that somebody else made, or that came from a snapshot. */
  add(volume: Partial<Volume> & Pick<Volume, 'name'>): Volume {
    const made = this.#create({ sizeGiB: 1, labels: {}, ...volume })
    const kept = this.#get(made.id)
    const { attachments: _, state, ...facts } = { ...made, ...volume, id: made.id }
    kept.volume = facts
    kept.state = state === 'available' ? undefined : state
    return shown(kept)
  }

  /** The volumes, without a call being counted. */
  volumes(): readonly Volume[] {
    return this.#list({})
  }

  /** What a device name stands for, also after it was taken away. */
  resolve(device: string): MemoryDevice | undefined {
    return this.#devices.get(device)
  }

  /** Attaches without anybody having asked here, as by hand in a console. */
  attachByHand(id: VolumeId, to: InstanceId): VolumeAttachment {
    return this.#attach(id, to)
  }

  /** Takes the device from under its machine, as a console's forced detach does. */
  pull(id: VolumeId): void {
    this.#end(this.#get(id))
  }

  /** Attaches to one more machine, as some platforms allow. */
  shareWith(id: VolumeId, also: InstanceId): void {
    const kept = this.#get(id)
    if (kept.attachment !== undefined) kept.alsoWith = { ...kept.attachment, instanceId: also }
  }

  /** Says that an attachment is in this state, as a platform may for a while. */
  say(id: VolumeId, state: AttachmentState): void {
    const kept = this.#get(id)
    if (kept.attachment !== undefined) kept.attachment = { ...kept.attachment, state }
  }

  /** Ends every wait for a slow attach. */
  settle(): void {
    for (const [id, { attachment }] of this.#volumes)
      if (attachment?.state === 'attaching') this.say(id, 'attached')
  }

  /** Lets the next such call fail before it does anything; several are used up in order. */
  failNext(call: MemoryCall, error: Error): void {
    this.#failures.set(call, [...(this.#failures.get(call) ?? []), error])
  }

  /** Lets every such call fail, until it is called without an error. */
  failAlways(call: MemoryCall, error?: Error): void {
    if (error === undefined) this.#lasting.delete(call)
    else this.#lasting.set(call, error)
  }

  /** Holds up every such call until the function it returns is called. */
  block(call: MemoryCall): () => void {
    const { promise, resolve } = gate()
    this.#gates.set(call, promise)
    return () => {
      if (this.#gates.get(call) === promise) this.#gates.delete(call)
      resolve()
    }
  }

  /** How often a call arrived. */
  count(call: MemoryCall): number {
    return this.calls.filter((one) => one.call === call).length
  }

  async #arrive<T>(
    call: MemoryCall,
    instanceId: InstanceId,
    signal: AbortSignal | undefined,
    work: () => T,
  ): Promise<T> {
    throwIfAborted(signal)
    this.calls.push({ call, instanceId })
    await untilAborted(this.#gates.get(call) ?? Promise.resolve(), signal)
    const failure = this.#failures.get(call)?.shift() ?? this.#lasting.get(call)
    if (failure !== undefined) throw failure
    return work()
  }

  #zoneOf(instanceId: InstanceId): { readonly zone?: string } {
    const zone = this.zones.get(instanceId)
    return zone === undefined ? {} : { zone }
  }

  #list({ name, instanceId, anyZone = false }: VolumeQuery, zone?: string): Volume[] {
    return [...this.#volumes.values()]
      .map(shown)
      .filter((volume) => anyZone || zone === undefined || volume.zone === zone)
      .filter((volume) => name === undefined || volume.name === name)
      .filter(
        ({ attachments }) =>
          instanceId === undefined || attachments.some((one) => one.instanceId === instanceId),
      )
  }

  #get(id: VolumeId): Kept {
    const kept = this.#volumes.get(id)
    if (kept === undefined) throw new NotFoundError(volumeNamed(id))
    return kept
  }

  #create({ name, sizeGiB, labels, zone }: VolumeSpec): Volume {
    if (!Number.isInteger(sizeGiB) || sizeGiB < 1)
      throw new InvalidArgumentError({ subject: 'option size', problem: `is ${sizeGiB}` })
    if (this.#list({ name }, zone).length > 0)
      throw new AlreadyExistsError({ subject: volumeNamed(name), problem: 'exists already' })
    this.#made += 1
    const id = `vol-${this.#made.toString(16).padStart(17, '0')}`
    const createdAt = new Date(this.clock.now())
    const place = zone === undefined ? {} : { zone }
    const volume = { id, name, sizeGiB, labels, createdAt, managed: true, ...place }
    const kept: Kept = { volume, attachment: undefined, state: undefined }
    this.#volumes.set(id, kept)
    return shown(kept)
  }

  #remove(id: VolumeId): void {
    const { attachment } = this.#get(id)
    if (attachment !== undefined) throw heldBy(id, attachment)
    this.#volumes.delete(id)
  }

  #attach(id: VolumeId, to: InstanceId): VolumeAttachment {
    const kept = this.#get(id)
    if (kept.attachment?.instanceId === to) return kept.attachment
    if (kept.attachment !== undefined) throw heldBy(id, kept.attachment)
    // A platform's clock ticks between two attachments, also where the test's stands still.
    this.clock.advance(1)
    const deviceName = `/dev/memory${this.#devices.size}`
    this.#devices.set(deviceName, { volumeId: id, instanceId: to, live: true })
    kept.attachment = {
      volumeId: id,
      instanceId: to,
      state: this.attachesSlowly ? 'attaching' : 'attached',
      since: new Date(this.clock.now()),
      deviceName,
    }
    return kept.attachment
  }

  #detach(id: VolumeId, from: InstanceId, force: boolean): void {
    const kept = this.#get(id)
    if (kept.attachment?.instanceId !== from)
      throw new NotFoundError(`attachment of ${volumeNamed(id)} to ${from}`)
    if (!force && this.isHeld(kept.attachment.deviceName))
      throw new FailedPreconditionError({ subject: volumeNamed(id), problem: 'is still held' })
    this.#end(kept)
  }

  #end(kept: Kept): void {
    const device = kept.attachment?.deviceName
    const known = device === undefined ? undefined : this.#devices.get(device)
    if (device !== undefined && known !== undefined)
      this.#devices.set(device, { ...known, live: false })
    kept.attachment = undefined
  }

  #device({ volumeId, since }: VolumeAttachment): string | undefined {
    const attachment = this.#volumes.get(volumeId)?.attachment
    if (attachment === undefined || attachment.state === 'attaching') return undefined
    return attachment.since.getTime() === since.getTime() ? attachment.deviceName : undefined
  }
}

function shown({ volume, attachment, alsoWith, state }: Kept): Volume {
  const attachments = [attachment, alsoWith].flatMap((one) => one ?? [])
  return { ...volume, attachments, state: state ?? (attachment ? 'in-use' : 'available') }
}

function heldBy(id: VolumeId, { instanceId, since }: VolumeAttachment): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(id),
    problem: `is attached to ${instanceId} since ${since.toISOString()}`,
    remedy: 'detach it there',
  })
}
