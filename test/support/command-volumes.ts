import {
  AlreadyExistsError,
  FailedPreconditionError,
  NotFoundError,
  volumeNamed,
} from '../../src/libstorage/errors.ts'
import type { Volume, VolumeAttachment } from '../../src/libstorage/types.ts'
import { throwIfAborted } from '../../src/libstorage/wait.ts'
import type {
  AcquiringCall,
  HolderRequest,
  IntegrationDriver,
  MountedVolume,
  VolumeView,
} from '../../src/mount/integration-driver.ts'

export const HERE = 'i-here'

/** A volume with everything that a test does not care about filled in. */
export function aVolume(facts: Partial<Volume> & Pick<Volume, 'name'>): Volume {
  return {
    id: `vol-${facts.name}`,
    sizeGiB: 1,
    state: 'available',
    attachments: [],
    managed: true,
    labels: {},
    ...facts,
  }
}

/** An attachment of a volume to an instance. */
export function anAttachment(
  volumeId: string,
  facts: Partial<VolumeAttachment> = {},
): VolumeAttachment {
  return { volumeId, instanceId: HERE, state: 'attached', since: new Date(0), ...facts }
}

/** Volumes that exist in memory only: mounting attaches, the last holder leaving detaches. */
export class CommandVolumes implements IntegrationDriver {
  readonly scope = 'local'
  readonly #volumes = new Map<string, Volume>()
  readonly #holders = new Map<string, Set<string>>()
  /** The options of each Create, in order. */
  readonly creations: Readonly<Record<string, string>>[] = []
  /** The holders whose references were said to be delivered. */
  readonly delivered: string[] = []

  constructor(volumes: readonly Volume[] = []) {
    for (const volume of volumes) this.#volumes.set(volume.name, volume)
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    this.creations.push(options)
    if (this.#volumes.has(name)) return
    this.#volumes.set(name, aVolume({ name, sizeGiB: Number(options['size'] ?? 16) }))
  }

  async createNew(name: string, options: Readonly<Record<string, string>>): Promise<VolumeView> {
    const existing = this.#volumes.get(name)
    if (existing !== undefined) {
      throw new AlreadyExistsError({
        subject: volumeNamed(name),
        problem: `already exists as ${name} (${existing.id})`,
        remedy: 'choose another name',
      })
    }
    await this.create(name, options)
    return await this.get(name)
  }

  async remove(name: string): Promise<void> {
    const { volume } = await this.get(name)
    if (this.#holders.has(name)) {
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem: 'is in use' })
    }
    this.#volumes.delete(volume.name)
  }

  async mount({ name, holder }: HolderRequest, call?: AcquiringCall): Promise<MountedVolume> {
    throwIfAborted(call?.signal)
    await this.attach(name, call)
    this.#holders.set(name, new Set(this.#holders.get(name)).add(holder))
    return {
      mountpoint: `/mnt/${name}/data`,
      delivered: () => this.delivered.push(holder),
      undelivered: () => undefined,
    }
  }

  async unmount({ name, holder }: HolderRequest): Promise<void> {
    const { volume } = await this.get(name)
    const holders = this.#holders.get(name)
    const others = [...(holders ?? [])].filter((other) => other !== holder)
    if (others.length > 0) {
      const problem = `is in use by ${others.join(', ')}`
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem })
    }
    if (holders?.delete(holder) !== true || holders.size > 0) return
    this.#holders.delete(name)
    this.#volumes.set(name, { ...volume, state: 'available', attachments: [] })
  }

  async attach(name: string, { force = false }: AcquiringCall = {}): Promise<void> {
    const { volume } = await this.get(name)
    const [attachment] = volume.attachments
    if (attachment !== undefined && attachment.instanceId !== HERE && !force) {
      const problem = `is attached to ${attachment.instanceId}`
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem })
    }
    const attachments = [anAttachment(volume.id, { deviceName: '/dev/xvdf' })]
    this.#volumes.set(name, { ...volume, state: 'in-use', attachments })
  }

  async detach(name: string): Promise<void> {
    const { volume } = await this.get(name)
    const holders = [...(this.#holders.get(name) ?? [])]
    const isHere = volume.attachments.some(({ instanceId }) => instanceId === HERE)
    if (holders.length > 0 || !isHere) {
      const problem = isHere ? `is in use by ${holders.join(', ')}` : 'is not attached here'
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem })
    }
    this.#volumes.set(name, { ...volume, state: 'available', attachments: [] })
  }

  async path(name: string): Promise<string | undefined> {
    return (await this.get(name)).mountpoint
  }

  async get(name: string): Promise<VolumeView> {
    const volume = this.#volumes.get(name)
    if (volume === undefined) throw new NotFoundError(volumeNamed(name))
    return this.#view(volume)
  }

  async list(): Promise<readonly VolumeView[]> {
    return [...this.#volumes.values()].map((volume) => this.#view(volume))
  }

  #view(volume: Volume): VolumeView {
    const holders = this.#holders.get(volume.name)
    if (holders === undefined) return { volume, service: 'ebs' }
    const mount = { since: new Date(0).toISOString(), holders: [...holders] }
    return { volume, service: 'ebs', mountpoint: `/mnt/${volume.name}/data`, mount }
  }
}
