import {
  InvalidArgumentError,
  NotFoundError,
  UnsupportedError,
  volumeNamed,
} from '../../src/libstorage/errors.ts'
import type { Snapshot, Volume } from '../../src/libstorage/types.ts'
import { untilAborted } from '../../src/libstorage/wait.ts'
import type {
  HolderRequest,
  IntegrationCall,
  IntegrationDriver,
  MountedVolume,
  VolumeView,
} from '../../src/mount/integration-driver.ts'

/** The methods that can be held up or made to fail. */
export type VolumesMethod = 'create' | 'remove' | 'mount' | 'unmount' | 'path' | 'get' | 'list'

interface Kept {
  readonly volume: Volume
  readonly options: Readonly<Record<string, string>>
  /** References by holder; '' counts once however often it comes. */
  readonly references: Map<string, number>
}

interface Gate {
  readonly opened: Promise<void>
  readonly reach: () => void
  readonly deaf: boolean
}

/** A hold on a method: its calls wait until it is released. */
export interface Hold {
  /** Resolves when a call has reached the hold. */
  readonly reached: Promise<void>
  release(): void
}

/** Volumes by name in this process's memory, with a reference count per (volume, id). Nothing is ever mounted. */
export class InMemoryVolumes implements IntegrationDriver {
  readonly scope: 'global' | 'local'
  /** Why signals were aborted, in the order of it. */
  readonly aborted: unknown[] = []
  /** How often `delivered` and `undelivered` were called. */
  readonly told = { delivered: 0, undelivered: 0 }
  readonly #volumes = new Map<string, Kept>()
  readonly #failures = new Map<VolumesMethod, unknown>()
  readonly #holds = new Map<VolumesMethod, Gate>()
  readonly #root: string

  constructor(scope: 'global' | 'local' = 'global', root = '/mnt/in-memory') {
    this.scope = scope
    this.#root = root
  }

  /** Every further call of the method rejects with this error, until it is given undefined. */
  fail(method: VolumesMethod, error: unknown): void {
    if (error === undefined) this.#failures.delete(method)
    else this.#failures.set(method, error)
  }

  /** Further calls of the method wait. An aborted call rejects at once, or not at all if it is `deaf`. */
  hold(method: VolumesMethod, { deaf = false }: { readonly deaf?: boolean } = {}): Hold {
    let release = () => {}
    let reach = () => {}
    const reached = new Promise<void>((resolve) => {
      reach = resolve
    })
    const gate = new Promise<void>((resolve) => {
      release = () => {
        this.#holds.delete(method)
        resolve()
      }
    })
    this.#holds.set(method, { opened: gate, reach, deaf })
    return { reached, release: () => release() }
  }

  names(): string[] {
    return [...this.#volumes.keys()]
  }

  optionsOf(name: string): Readonly<Record<string, string>> {
    return this.#kept(name).options
  }

  /** The references to a volume, by holder. */
  referencesTo(name: string): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#kept(name).references)
  }

  /** Puts a volume there as the platform reports it, with a name of any kind. */
  put(volume: Partial<Volume> & Pick<Volume, 'name'>): void {
    this.#volumes.set(volume.name, {
      volume: { ...blankVolume(`vol-${this.#volumes.size}`), ...volume },
      options: {},
      references: new Map(),
    })
  }

  async create(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<void> {
    await this.#reach('create', call)
    if (name.includes('/') || name.length > 128) {
      throw new InvalidArgumentError({ subject: volumeNamed(name), problem: 'has an odd name' })
    }
    if (this.#volumes.has(name)) return
    const volume = { ...blankVolume(`vol-${this.#volumes.size}`), name }
    this.#volumes.set(name, { volume, options, references: new Map() })
  }

  async createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<VolumeView> {
    await this.create(name, options, call)
    return this.#view(this.#kept(name))
  }

  async resize(name: string, sizeGiB: number): Promise<VolumeView> {
    const kept = this.#kept(name)
    this.#volumes.set(name, { ...kept, volume: { ...kept.volume, sizeGiB } })
    return this.#view(this.#kept(name))
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    return []
  }

  createSnapshot(): Promise<Snapshot> {
    return Promise.reject(new UnsupportedError({ subject: 'memory', problem: 'has no snapshots' }))
  }

  removeSnapshot(id: string): Promise<void> {
    return Promise.reject(new NotFoundError(`snapshot ${id}`))
  }

  async remove(name: string, call?: IntegrationCall): Promise<void> {
    await this.#reach('remove', call)
    this.#kept(name)
    this.#volumes.delete(name)
  }

  async mount({ name, holder }: HolderRequest, call?: IntegrationCall): Promise<MountedVolume> {
    await this.#reach('mount', call)
    const { references } = this.#kept(name)
    references.set(holder, holder === '' ? 1 : (references.get(holder) ?? 0) + 1)
    return {
      mountpoint: this.#mountpoint(name),
      delivered: () => {
        this.told.delivered += 1
      },
      undelivered: () => {
        this.told.undelivered += 1
        drop(references, holder)
      },
    }
  }

  async unmount({ name, holder }: HolderRequest, call?: IntegrationCall): Promise<void> {
    await this.#reach('unmount', call)
    drop(this.#kept(name).references, holder)
  }

  async path(name: string, call?: IntegrationCall): Promise<string | undefined> {
    await this.#reach('path', call)
    return this.#kept(name).references.size > 0 ? this.#mountpoint(name) : undefined
  }

  async get(name: string, call?: IntegrationCall): Promise<VolumeView> {
    await this.#reach('get', call)
    return this.#view(this.#kept(name))
  }

  async list(call?: IntegrationCall): Promise<readonly VolumeView[]> {
    await this.#reach('list', call)
    return [...this.#volumes.values()].map((kept) => this.#view(kept))
  }

  async #reach(method: VolumesMethod, call: IntegrationCall | undefined): Promise<void> {
    const signal = call?.signal
    signal?.addEventListener('abort', () => this.aborted.push(signal.reason), { once: true })
    const held = this.#holds.get(method)
    held?.reach()
    if (held !== undefined) await untilAborted(held.opened, held.deaf ? undefined : signal)
    const failure = this.#failures.get(method)
    if (failure !== undefined) throw failure
  }

  #kept(name: string): Kept {
    const kept = this.#volumes.get(name)
    if (kept === undefined) throw new NotFoundError(volumeNamed(name))
    return kept
  }

  #mountpoint(name: string): string {
    return this.#root === '' ? '' : `${this.#root}/${name}/data`
  }

  #view({ volume, references }: Kept): VolumeView {
    const view = { volume, service: 'memory' }
    if (references.size === 0) return view
    const mount = {
      since: '2024-05-06T07:08:09.000Z',
      holders: [...references.keys()],
      usage: { usedBytes: 4096, freeBytes: 8192 },
    }
    return {
      ...view,
      mountpoint: this.#mountpoint(volume.name),
      mount,
      lastError: 'a growth failed',
    }
  }
}

function drop(references: Map<string, number>, holder: string): void {
  const left = (references.get(holder) ?? 0) - 1
  if (left > 0) references.set(holder, left)
  else references.delete(holder)
}

function blankVolume(id: string): Volume {
  return {
    id,
    name: '',
    sizeGiB: 16,
    state: 'available',
    attachments: [],
    managed: true,
    createdAt: new Date('2024-01-02T03:04:05.678Z'),
    labels: {},
  }
}
