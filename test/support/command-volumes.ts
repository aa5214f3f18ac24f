import {
  AlreadyExistsError,
  FailedPreconditionError,
  NotFoundError,
  volumeNamed,
} from '../../src/libstorage/errors.ts'
import type { Snapshot, Volume, VolumeAttachment } from '../../src/libstorage/types.ts'
import { throwIfAborted } from '../../src/libstorage/wait.ts'
import type {
  HolderRequest,
  IntegrationCall,
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

/** A snapshot with everything that a test does not care about filled in. */
export function aSnapshot(facts: Partial<Snapshot> & Pick<Snapshot, 'id'>): Snapshot {
  const rest = { volumeId: 'vol-data', sizeGiB: 1, labels: {}, state: 'complete' } as const
  return { name: '', createdAt: new Date('2024-05-06T07:08:09Z'), ...rest, ...facts }
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
  readonly #snapshots: Snapshot[] = []
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

  async resize(name: string, sizeGiB: number): Promise<VolumeView> {
    const { volume } = await this.get(name)
    this.#volumes.set(name, { ...volume, sizeGiB })
    return await this.get(name)
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    return this.#snapshots
  }

  async createSnapshot(volume: string, name: string): Promise<Snapshot> {
    const { id, sizeGiB } = (await this.get(volume)).volume
    const made = aSnapshot({
      id: `snap-${this.#snapshots.length + 1}`,
      name,
      volumeId: id,
      sizeGiB,
    })
    this.#snapshots.push(made)
    return made
  }

  async removeSnapshot(idOrName: string): Promise<void> {
    const at = this.#snapshots.findIndex(({ id, name }) => [id, name].includes(idOrName))
    if (at < 0) throw new NotFoundError(`snapshot "${idOrName}"`)
    this.#snapshots.splice(at, 1)
  }

  async remove(name: string): Promise<void> {
    const { volume } = await this.get(name)
    if (this.#holders.has(name)) {
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem: 'is in use' })
    }
    this.#volumes.delete(volume.name)
  }

  async mount({ name, holder }: HolderRequest, call?: IntegrationCall): Promise<MountedVolume> {
    throwIfAborted(call?.signal)
    const { volume } = await this.get(name)
    const attachments = [anAttachment(volume.id, { deviceName: '/dev/xvdf' })]
    this.#volumes.set(name, { ...volume, state: 'in-use', attachments })
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
