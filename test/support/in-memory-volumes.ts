import {
  AlreadyExistsError,
  FailedPreconditionError,
  NotFoundError,
  volumeNamed,
} from '../../src/libstorage/errors.ts'
import type { Snapshot, Volume } from '../../src/libstorage/types.ts'
import { throwIfAborted } from '../../src/libstorage/wait.ts'
import type {
  AcquiringCall,
  HolderRequest,
  IntegrationCall,
  IntegrationDriver,
  MountedVolume,
  VolumeView,
  WantedCopy,
} from '../../src/mount/integration-driver.ts'
import type { ProcessRole } from '../../src/mount/mount-context.ts'
import {
  addReference,
  deliverReference,
  dropReference,
  holderNamed,
  mayBeStale,
  type Reference,
  withdrawReference,
} from '../../src/mount/references.ts'
import { requireNewName } from '../../src/mount/volume-name.ts'
import { anAttachment, aSnapshot, aVolume, HERE } from './a-volume.ts'
import { HeldCalls } from './held-calls.ts'

/** The methods that can be held up or made to fail. */
export type VolumesMethod = 'create' | 'remove' | 'mount' | 'unmount' | 'path' | 'get' | 'list'

interface Kept {
  volume: Volume
  readonly options: Readonly<Record<string, string>>
  references: readonly Reference[]
  /** It stays after the last reference was taken back, as what was asked for is kept for a repeat. */
  isMounted: boolean
}

/** What volumes in memory are made with, where it matters. */
export interface InMemoryVolumesFacts {
  readonly volumes?: readonly Volume[]
  readonly service?: string
  readonly scope?: 'global' | 'local'
  /** A command unmounts nothing that others hold, too. */
  readonly role?: ProcessRole
  /** The folder of the mount points. */
  readonly root?: string
}

/**
 * Volumes by name in this process's memory; nothing is ever mounted. What the integration suite says holds of them as
 * of the real ones.
 */
export class InMemoryVolumes implements IntegrationDriver {
  readonly scope: 'global' | 'local'
  /** Holds up calls, or makes them fail. */
  readonly calls = new HeldCalls<VolumesMethod>()
  /** How often `delivered` and `undelivered` were called. */
  readonly told = { delivered: 0, undelivered: 0 }
  /** What failed last on each volume, by name. */
  readonly lastErrors = new Map<string, string>()
  readonly #volumes = new Map<string, Kept>()
  readonly #removed = new Set<string>()
  readonly #snapshots: Snapshot[] = []
  readonly #service: string
  readonly #role: ProcessRole
  readonly #root: string

  constructor({
    volumes = [],
    service = 'memory',
    scope = 'global',
    role = 'server',
    root = '/mnt',
  }: InMemoryVolumesFacts = {}) {
    for (const volume of volumes) this.put(volume)
    this.#service = service
    this.scope = scope
    this.#role = role
    this.#root = root
  }

  names(): string[] {
    return [...this.#volumes.keys()]
  }

  optionsOf(name: string): Readonly<Record<string, string>> {
    return this.#kept(name).options
  }

  /** How many references each holder has to a volume. */
  referencesTo(name: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#kept(name).references.map(({ id, count }) => [id, count]))
  }

  /** Puts a volume there as the platform reports it, with a name of any kind. */
  put(volume: Partial<Volume> & Pick<Volume, 'name'>): void {
    this.#volumes.set(volume.name, {
      volume: aVolume(volume),
      options: {},
      references: [],
      isMounted: false,
    })
  }

  async create(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<void> {
    await this.calls.reach('create', call)
    requireNewName(name, { looksLikeId: (text) => /^vol-[0-9a-f]{17}$/.test(text) })
    if (this.#volumes.has(name)) return
    const volume = aVolume({ name, sizeGiB: Number(options['size'] ?? 16) })
    this.#volumes.set(name, { volume, options, references: [], isMounted: false })
  }

  async createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<VolumeView> {
    const existing = this.#volumes.get(name)
    if (existing !== undefined) {
      throw new AlreadyExistsError({
        subject: volumeNamed(name),
        problem: `already exists as ${name} (${existing.volume.id})`,
        remedy: 'choose another name',
      })
    }
    await this.create(name, options, call)
    return this.#view(this.#kept(name))
  }

  async resize(name: string, sizeGiB: number): Promise<VolumeView> {
    const kept = this.#kept(name)
    this.#volumes.set(kept.volume.name, { ...kept, volume: { ...kept.volume, sizeGiB } })
    return this.#view(this.#kept(name))
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    return this.#snapshots
  }

  async createSnapshot(volume: string, name: string): Promise<Snapshot> {
    const { id, sizeGiB } = this.#kept(volume).volume
    const made = aSnapshot({
      id: `snap-${this.#snapshots.length + 1}`,
      name,
      volumeId: id,
      sizeGiB,
    })
    this.#snapshots.push(made)
    return made
  }

  async copySnapshot(idOrName: string, { name }: WantedCopy): Promise<Snapshot> {
    const original = this.#snapshots.find((one) => [one.id, one.name].includes(idOrName))
    if (original === undefined) throw new NotFoundError(`snapshot "${idOrName}"`)
    const id = `snap-${this.#snapshots.length + 1}`
    const made = { ...original, id, name: name ?? original.name }
    this.#snapshots.push(made)
    return made
  }

  async removeSnapshot(idOrName: string): Promise<void> {
    const at = this.#snapshots.findIndex(({ id, name }) => [id, name].includes(idOrName))
    if (at < 0) throw new NotFoundError(`snapshot "${idOrName}"`)
    this.#snapshots.splice(at, 1)
  }

  async remove(name: string, call?: IntegrationCall): Promise<void> {
    await this.calls.reach('remove', call)
    if (!this.#volumes.has(name) && this.#removed.has(name)) return
    const { references } = this.#kept(name, this.#volumes)
    const certain = references.filter((one) => this.#role === 'command' || !mayBeStale(one))
    if (certain.length > 0) throw inUse(name, certain)
    this.#volumes.delete(name)
    this.#removed.add(name)
  }

  async mount({ name, holder }: HolderRequest, call?: AcquiringCall): Promise<MountedVolume> {
    throwIfAborted(call?.signal)
    await this.calls.reach('mount', call)
    const kept = this.#kept(name)
    await this.attach(name, call)
    kept.references = addReference(kept.references, holder, new Date().toISOString())
    kept.isMounted = true
    return {
      mountpoint: this.#mountpoint(kept.volume.name),
      delivered: () => {
        this.told.delivered += 1
        kept.references = deliverReference(kept.references, holder)
      },
      undelivered: () => {
        this.told.undelivered += 1
        kept.references = withdrawReference(kept.references, holder)
      },
    }
  }

  async unmount({ name, holder }: HolderRequest, call?: IntegrationCall): Promise<void> {
    await this.calls.reach('unmount', call)
    const kept = this.#found(name)
    if (kept === undefined) return
    const others = kept.references.filter(({ id }) => id !== holder)
    if (this.#role === 'command' && others.length > 0) throw inUse(name, others)
    kept.references = dropReference(kept.references, holder)
    kept.isMounted = kept.references.length > 0
    if (!kept.isMounted) kept.volume = { ...kept.volume, state: 'available', attachments: [] }
  }

  async attach(name: string, { force = false }: AcquiringCall = {}): Promise<void> {
    const kept = this.#kept(name)
    const [attachment] = kept.volume.attachments
    if (attachment !== undefined && attachment.instanceId !== HERE && !force) {
      const problem = `is attached to ${attachment.instanceId}`
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem })
    }
    const attachments = [anAttachment(kept.volume.id, { deviceName: '/dev/xvdf' })]
    kept.volume = { ...kept.volume, state: 'in-use', attachments }
  }

  async detach(name: string): Promise<void> {
    const kept = this.#kept(name)
    if (kept.references.length > 0) throw inUse(name, kept.references)
    if (!kept.volume.attachments.some(({ instanceId }) => instanceId === HERE)) {
      const problem = 'is not attached here'
      throw new FailedPreconditionError({ subject: volumeNamed(name), problem })
    }
    kept.volume = { ...kept.volume, state: 'available', attachments: [] }
  }

  async path(name: string, call?: IntegrationCall): Promise<string | undefined> {
    await this.calls.reach('path', call)
    return this.#volumes.get(name)?.isMounted === true ? this.#mountpoint(name) : undefined
  }

  async get(name: string, call?: IntegrationCall): Promise<VolumeView> {
    await this.calls.reach('get', call)
    return this.#view(this.#kept(name))
  }

  async list(call?: IntegrationCall): Promise<readonly VolumeView[]> {
    await this.calls.reach('list', call)
    return [...this.#volumes.values()].map((kept) => this.#view(kept))
  }

  #found(text: string): Kept | undefined {
    const ofId = [...this.#volumes.values()].find(({ volume }) => volume.id === text)
    return this.#volumes.get(text) ?? ofId
  }

  #kept(name: string, among = { get: (text: string) => this.#found(text) }): Kept {
    const kept = among.get(name)
    if (kept === undefined) throw new NotFoundError(volumeNamed(name))
    return kept
  }

  #mountpoint(name: string): string {
    return this.#root === '' ? '' : `${this.#root}/${name}/data`
  }

  #view({ volume, references, isMounted }: Kept): VolumeView {
    const lastError = this.lastErrors.get(volume.name)
    const base = { service: this.#service, ...(lastError === undefined ? {} : { lastError }) }
    if (!isMounted) return { ...base, volume }
    const attachments = [anAttachment(volume.id, { deviceName: '/dev/xvdf' })]
    return {
      ...base,
      volume: { ...volume, state: 'in-use', attachments },
      mountpoint: this.#mountpoint(volume.name),
      mount: {
        since: '2024-05-06T07:08:09.000Z',
        holders: references.map(({ id }) => id),
        usage: { usedBytes: 4096, freeBytes: 8192 },
      },
    }
  }
}

function inUse(name: string, by: readonly Reference[]): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is in use by ${by.map(({ id }) => holderNamed(id)).join(', ')}`,
    remedy: 'stop what uses it and try again',
  })
}
