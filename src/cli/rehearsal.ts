import type { OperationsConfig } from '../config/config.ts'
import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  volumeNamed,
} from '../libstorage/errors.ts'
import type { Snapshot, Volume } from '../libstorage/types.ts'
import type {
  AcquiringCall,
  HolderRequest,
  IntegrationCall,
  IntegrationDriver,
  MountedVolume,
  Viewpoint,
  VolumeView,
  WantedCopy,
} from '../mount/integration-driver.ts'
import { createPlaces, type Places } from '../mount/places.ts'
import { COMMAND_HOLDER, holderNamed } from '../mount/references.ts'
import { requireNewName } from '../mount/volume-name.ts'
import { readVolumeOptions } from '../mount/volume-options.ts'
import { stillInUse } from '../mount/volume-session.ts'

/** Where and as whom a rehearsal takes place. */
export interface RehearsalPlace {
  viewpoint(): Promise<Viewpoint>
  readonly mountFolder: string
  readonly operations: OperationsConfig
}

/** The volumes as they would be: changes are refused for the plain reasons and shown, and none is made. */
export function rehearse(volumes: IntegrationDriver, place: RehearsalPlace): IntegrationDriver {
  return new Rehearsal(volumes, place)
}

class Rehearsal implements IntegrationDriver {
  readonly scope: 'global' | 'local'
  readonly #real: IntegrationDriver
  readonly #place: RehearsalPlace
  readonly #places: Places
  /** What would be different by now, by the volume's name; undefined where it would be gone. */
  readonly #changed = new Map<string, VolumeView | undefined>()

  constructor(real: IntegrationDriver, place: RehearsalPlace) {
    this.scope = real.scope
    this.#real = real
    this.#place = place
    const { rootPath } = place.operations.mount
    this.#places = createPlaces(place.mountFolder, rootPath, new Set())
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    await this.createNew(name, options)
  }

  async createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    call: IntegrationCall = {},
  ): Promise<VolumeView> {
    requireNewName(name, { looksLikeId: () => false })
    const wanted = readVolumeOptions(options, this.#place.operations.create.default)
    const existing = await this.#find(name, call)
    if (existing !== undefined) {
      const problem = `already exists as ${existing.volume.name} (${existing.volume.id})`
      const remedy = 'choose another name'
      throw new AlreadyExistsError({ subject: volumeNamed(name), problem, remedy })
    }
    const { from: _from, ...spec } = wanted
    const state = { id: '', name, state: 'available', attachments: [], managed: true } as const
    return this.#change({ volume: { ...spec, ...state }, service: '' })
  }

  async remove(name: string, call: IntegrationCall = {}): Promise<void> {
    const view = await this.get(name, call)
    refuseHolders(view, holdersOf(view))
    const [attachment] = view.volume.attachments
    if (attachment !== undefined && view.mount === undefined) {
      throw attachedTo(view.volume, attachment.instanceId)
    }
    this.#changed.set(view.volume.name, undefined)
  }

  async resize(name: string, sizeGiB: number, call: IntegrationCall = {}): Promise<VolumeView> {
    const view = await this.get(name, call)
    if (sizeGiB >= view.volume.sizeGiB) {
      return this.#change({ ...view, volume: { ...view.volume, sizeGiB } })
    }
    throw new InvalidArgumentError({
      subject: volumeNamed(view.volume.name),
      problem: `has ${view.volume.sizeGiB} GiB and cannot be made smaller`,
    })
  }

  snapshots(call?: IntegrationCall): Promise<readonly Snapshot[]> {
    return this.#real.snapshots(call)
  }

  async createSnapshot(name: string, called: string, call: IntegrationCall = {}) {
    await this.snapshots(call)
    const { id, sizeGiB } = (await this.get(name, call)).volume
    const fresh = { id: '', state: 'pending', createdAt: new Date(), labels: {} } as const
    return { ...fresh, name: called, volumeId: id, sizeGiB }
  }

  async copySnapshot(idOrName: string, { name }: WantedCopy, call: IntegrationCall = {}) {
    const original = await this.#snapshot(idOrName, call)
    const fresh = { id: '', state: 'pending', createdAt: new Date() } as const
    return { ...original, ...fresh, name: name ?? original.name }
  }

  async removeSnapshot(idOrName: string, call: IntegrationCall = {}): Promise<void> {
    await this.#snapshot(idOrName, call)
  }

  async mount({ name }: HolderRequest, call: AcquiringCall = {}): Promise<MountedVolume> {
    await this.attach(name, call)
    const view = await this.get(name, call)
    const mountpoint = view.mountpoint ?? this.#places.of(view.volume.name).dataPath
    const since = view.mount?.since ?? ''
    const holders = [...new Set([...holdersOf(view), COMMAND_HOLDER])]
    this.#change({ ...view, mountpoint, mount: { ...view.mount, since, holders } })
    return { mountpoint, delivered: () => undefined, undelivered: () => undefined }
  }

  async unmount({ name, holder }: HolderRequest, call: IntegrationCall = {}): Promise<void> {
    const view = await this.get(name, call)
    refuseHolders(
      view,
      holdersOf(view).filter((one) => one !== holder),
    )
    if (view.mountpoint !== undefined) this.#change(await this.#released(view))
  }

  async attach(name: string, { force = false, ...call }: AcquiringCall = {}): Promise<void> {
    const view = await this.get(name, call)
    const { volume } = view
    const { instance } = await this.#place.viewpoint()
    const [attachment] = volume.attachments
    if (attachment?.instanceId === instance) return
    const takes = force || this.#place.operations.mount.preempt !== false
    if (attachment !== undefined && !takes) throw attachedTo(volume, attachment.instanceId)
    const here = { volumeId: volume.id, instanceId: instance, since: new Date() }
    const attachments = [{ ...here, state: 'attached' as const }]
    this.#change({ ...view, volume: { ...volume, state: 'in-use', attachments } })
  }

  async detach(name: string, call: IntegrationCall = {}): Promise<void> {
    const view = await this.get(name, call)
    refuseHolders(view, holdersOf(view))
    const { instance } = await this.#place.viewpoint()
    if (!view.volume.attachments.some(({ instanceId }) => instanceId === instance)) {
      const subject = volumeNamed(view.volume.name)
      throw new FailedPreconditionError({ subject, problem: 'is not attached here' })
    }
    this.#change(await this.#released(view))
  }

  async path(name: string, call: IntegrationCall = {}): Promise<string | undefined> {
    return (await this.#find(name, call))?.mountpoint
  }

  async get(name: string, call: IntegrationCall = {}): Promise<VolumeView> {
    const known = this.#changed.get(name)
    if (known !== undefined) return known
    const real = await this.#real.get(name, call)
    if (!this.#changed.has(real.volume.name)) return real
    const changed = this.#changed.get(real.volume.name)
    if (changed === undefined) throw new NotFoundError(volumeNamed(name))
    return changed
  }

  list(call?: IntegrationCall): Promise<readonly VolumeView[]> {
    return this.#real.list(call)
  }

  async #snapshot(idOrName: string, call: IntegrationCall): Promise<Snapshot> {
    const all = await this.snapshots(call)
    const found = all.find(({ id, name }) => id === idOrName || name === idOrName)
    if (found !== undefined) return found
    throw new NotFoundError(`snapshot ${JSON.stringify(idOrName)}`)
  }

  async #find(name: string, call: IntegrationCall): Promise<VolumeView | undefined> {
    try {
      return await this.get(name, call)
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }

  #change(view: VolumeView): VolumeView {
    this.#changed.set(view.volume.name, view)
    return view
  }

  async #released({ volume, service }: VolumeView): Promise<VolumeView> {
    const { instance } = await this.#place.viewpoint()
    const attachments = volume.attachments.filter(({ instanceId }) => instanceId !== instance)
    return { volume: { ...volume, state: 'available', attachments }, service }
  }
}

function holdersOf({ mount }: VolumeView): readonly string[] {
  return mount?.holders ?? []
}

function refuseHolders({ volume }: VolumeView, holders: readonly string[]): void {
  if (holders.length === 0) return
  throw stillInUse(volume.name, holders.map(holderNamed), 'stop what uses it and try again')
}

function attachedTo({ name }: Volume, instance: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is attached to ${instance}`,
    remedy: 'detach it there, or use --force',
  })
}
