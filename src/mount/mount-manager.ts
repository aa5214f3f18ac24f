import { AbortedError, AlreadyExistsError, volumeNamed } from '../libstorage/errors.ts'
import { SingleFlight } from '../libstorage/single-flight.ts'
import type { Snapshot, Volume } from '../libstorage/types.ts'
import { answerInTime } from './answer-in-time.ts'
import { Background } from './background.ts'
import { attachByHand, detachByHand } from './by-hand.ts'
import { type Creation, createVolume } from './creation.ts'
import { findVolume } from './find-by-name.ts'
import { findRecord } from './find-record.ts'
import type {
  AcquiringCall,
  HolderRequest,
  IntegrationCall,
  IntegrationDriver,
  ListCall,
  MountedVolume,
  VolumeView,
  WantedCopy,
} from './integration-driver.ts'
import { rememberedVolume } from './ledger-record.ts'
import { inCall, type MountContext } from './mount-context.ts'
import { Mounting } from './mounting.ts'
import { Owed } from './owed.ts'
import { Reconciler } from './reconciler.ts'
import { dropReference, holderNamed } from './references.ts'
import { Releaser } from './releaser.ts'
import { removeVolume } from './removal.ts'
import type { RemovedNames } from './removed-names.ts'
import { repeating } from './repeating.ts'
import { resizeVolume } from './resize.ts'
import { copySnapshot, createSnapshot, removeSnapshot, requireSnapshots } from './snapshots.ts'
import { DeviceWatch } from './take-over/device-watch.ts'
import { asksForCopy } from './volume-options.ts'
import { VolumeViews } from './volume-views.ts'

/** Brings volumes of one service to this machine and lets them go, as `docs/semantics.md` promises. */
export class MountManager implements IntegrationDriver {
  readonly #context: MountContext
  readonly #removed: RemovedNames
  readonly #views: VolumeViews
  readonly #background: Background
  readonly #owed: Owed
  readonly #releaser: Releaser
  readonly #mounting: Mounting
  readonly #watch: DeviceWatch
  readonly #reconciler: Reconciler
  readonly #creations = new SingleFlight<Creation>()
  readonly #closing = new AbortController()

  /** A server looks every so many milliseconds whether the devices in use are still there. */
  constructor(context: MountContext, removed: RemovedNames, watchMs?: number) {
    this.#context = { ...context, closing: this.#closing.signal }
    this.#removed = removed
    const { service, ledger, made } = context
    service.catalog.consult((name) => ledger.exactly(name)?.volume.id ?? made?.idOf(name))
    this.#views = new VolumeViews(this.#context)
    this.#background = new Background(this.#context)
    this.#owed = new Owed(this.#context, this.#background)
    this.#releaser = new Releaser(this.#context, (id, message) =>
      this.#views.noteError(id, message),
    )
    this.#mounting = new Mounting(this.#context, this.#releaser, this.#views, this.#owed)
    this.#watch = new DeviceWatch(this.#context, this.#background, watchMs)
    this.#reconciler = new Reconciler(this.#context, {
      releaser: this.#releaser,
      background: this.#background,
      owed: this.#owed,
      suspect: (record) => this.#watch.suspect(record),
    })
  }

  get scope(): 'global' | 'local' {
    return this.#context.service.scope
  }

  /** Goes on from what the ledger says, and keeps looking. A volume's calls wait for its own part; no other call waits. */
  start(): void {
    this.#context.sessions.sweepLocks().catch((error: unknown) => {
      this.#context.logger.warn(`locks of dead processes cannot be swept: ${String(error)}`)
    })
    this.#reconciler.start()
    this.#watch.start()
  }

  /** Ends what lingers, finishes what has begun but copies, which may take hours, and stops trying; mounts stay. */
  async close(): Promise<void> {
    this.#closing.abort(
      new AbortedError({ subject: 'the work', problem: 'was given up at the end' }),
    )
    this.#watch.close()
    await this.#reconciler.close()
    await this.#owed.close()
    await this.#background.settled()
    await this.#releaser.close()
  }

  async create(
    name: string,
    options: Readonly<Record<string, string>>,
    call: IntegrationCall = {},
  ): Promise<void> {
    if (inCall(this.#context, call).settings.create.disable) return
    await this.#create(name, options, call)
  }

  async createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    call: IntegrationCall = {},
  ): Promise<VolumeView> {
    const { volume, made } = await this.#create(name, options, call)
    if (!made) throw alreadyExists(name, volume)
    return this.#views.of(volume, undefined)
  }

  async remove(name: string, call: IntegrationCall = {}): Promise<void> {
    const { signal } = call
    const { role, settings } = inCall(this.#context, call)
    // What keeps an orchestrator from destroying volumes does not keep the person who typed a name.
    if (role === 'server' && settings.remove.disable) return
    const work = removeVolume(this.#context, this.#removed, name, signal)
    await answerInTime(this.#context, name, signal, work)
  }

  async resize(
    name: string,
    sizeGiB: number,
    { signal }: IntegrationCall = {},
  ): Promise<VolumeView> {
    const work = resizeVolume(this.#context, name, sizeGiB, signal)
    const { volume, remark } = await answerInTime(this.#context, name, signal, work)
    this.#views.noteError(volume.id, remark)
    return this.#views.of(volume, this.#context.ledger.get(volume.id))
  }

  async snapshots({ signal }: IntegrationCall = {}): Promise<readonly Snapshot[]> {
    return await requireSnapshots(this.#context).list({}, signal === undefined ? {} : { signal })
  }

  createSnapshot(
    volume: string,
    name: string,
    { signal }: IntegrationCall = {},
  ): Promise<Snapshot> {
    return createSnapshot(this.#context, volume, name, signal)
  }

  copySnapshot(
    idOrName: string,
    wanted: WantedCopy,
    { signal }: IntegrationCall = {},
  ): Promise<Snapshot> {
    return copySnapshot(this.#context, idOrName, wanted, signal)
  }

  removeSnapshot(idOrName: string, { signal }: IntegrationCall = {}): Promise<void> {
    return removeSnapshot(this.#context, idOrName, signal)
  }

  async mount(request: HolderRequest, call: AcquiringCall = {}): Promise<MountedVolume> {
    const { mount } = inCall(this.#context, call).settings
    return await repeating(mount, call.signal, () => this.#mounting.mount(request, call))
  }

  async unmount({ name, holder }: HolderRequest, call: IntegrationCall = {}): Promise<void> {
    const { signal } = call
    const { settings } = inCall(this.#context, call)
    const record = await findRecord(this.#context, name, call)
    if (record === undefined) return
    const { ignoreUsedCount } = settings.unmount
    // No client repeats its Unmount, and some have left: it is done all the same, and tried again where it fails.
    const work = this.#owed.run({
      facts: record.volume,
      what: `the Unmount by ${holderNamed(holder)}`,
      purpose: 'unmounts the volume',
      change: (references) => (ignoreUsedCount ? [] : dropReference(references, holder)),
      byHand: `unmount it by hand: \`volume unmount ${record.volume.name}\``,
      work: (session) => this.#releaser.drop(session, holder, settings.unmount),
    })
    await answerInTime(this.#context, name, signal, work)
  }

  async attach(name: string, call: AcquiringCall = {}): Promise<void> {
    const work = attachByHand(inCall(this.#context, call), this.#releaser, name, call)
    await answerInTime(this.#context, name, call.signal, work)
  }

  async detach(name: string, call: IntegrationCall = {}): Promise<void> {
    await answerInTime(this.#context, name, call.signal, detachByHand(this.#context, name, call))
  }

  async path(name: string, call: IntegrationCall = {}): Promise<string | undefined> {
    return this.#views.mountpoint(await findRecord(this.#context, name, call))
  }

  async get(name: string, call: IntegrationCall = {}): Promise<VolumeView> {
    const { ledger, service } = this.#context
    const used = ledger.exactly(name)
    if (used?.mount !== undefined) {
      const known = service.catalog.known(used.volume.id) ?? rememberedVolume(used)
      // Another process may have made it larger; a volume never shrinks.
      const sizeGiB = Math.max(known.sizeGiB, used.volume.sizeGiB)
      return this.#views.of({ ...known, sizeGiB }, used)
    }
    const volume = await findVolume(this.#context, name, call)
    return this.#views.of(volume, ledger.get(volume.id))
  }

  async list({
    signal,
    changedElsewhere,
    orReject,
  }: ListCall = {}): Promise<readonly VolumeView[]> {
    const { ledger, service } = this.#context
    const { catalog } = service
    const volumes = await (changedElsewhere === undefined
      ? catalog.list(signal, orReject)
      : catalog.listSince(changedElsewhere, signal))
    const records = new Map(ledger.all().map((record) => [record.volume.id, record]))
    return volumes.map((volume) => this.#views.of(volume, records.get(volume.id)))
  }

  /** Whoever stops waiting finds it made later. */
  #create(
    name: string,
    options: Readonly<Record<string, string>>,
    call: IntegrationCall,
  ): Promise<Creation> {
    const { signal } = call
    const context = inCall(this.#context, call)
    const create = (until: AbortSignal | undefined) => createVolume(context, name, options, until)
    // A copy takes longer than a client waits: its repeat must not begin another.
    const creation = asksForCopy(options)
      ? this.#creations.do(JSON.stringify([name, options]), () => create(this.#closing.signal))
      : create(signal)
    return answerInTime(context, name, signal, creation)
  }
}

function alreadyExists(name: string, { name: actual, id }: Volume): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `already exists as ${actual} (${id})`,
    remedy: 'choose another name',
  })
}
