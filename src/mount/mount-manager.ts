import { AlreadyExistsError, volumeNamed } from '../libstorage/errors.ts'
import { readBootId } from '../libstorage/process-identity.ts'
import type { Volume } from '../libstorage/types.ts'
import { after, sleep, type Timer, untilAborted } from '../libstorage/wait.ts'
import { adoptUnknown } from './adoption.ts'
import { answerInTime } from './answer-in-time.ts'
import { Background } from './background.ts'
import { type Creation, createVolume } from './creation.ts'
import type {
  HolderRequest,
  IntegrationCall,
  IntegrationDriver,
  MountedVolume,
  VolumeView,
} from './integration-driver.ts'
import { rememberedVolume } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { Mounting } from './mounting.ts'
import { reconcile } from './reconcile.ts'
import { Releaser } from './releaser.ts'
import { removeVolume } from './removal.ts'
import type { RemovedNames } from './removed-names.ts'
import type { VolumeSession } from './volume-session.ts'
import { VolumeViews } from './volume-views.ts'

/** How long a new server keeps a reference whose caller may have got no reply before the crash, in milliseconds. */
const DOUBT_MS = 120_000
/** How long a server waits before it looks again for unrecorded mounts, where the platform could not be asked, in milliseconds. */
const ADOPTION_RETRY_MS = 30_000

/** Brings volumes of one service to this machine and lets them go, as `docs/semantics.md` promises. */
export class MountManager implements IntegrationDriver {
  readonly #context: MountContext
  readonly #removed: RemovedNames
  readonly #views: VolumeViews
  readonly #background: Background
  readonly #releaser: Releaser
  readonly #mounting: Mounting
  #adopting: Timer | undefined

  constructor(context: MountContext, removed: RemovedNames) {
    this.#context = context
    this.#removed = removed
    this.#views = new VolumeViews(context)
    this.#background = new Background(context)
    this.#releaser = new Releaser(context, (id, message) => this.#views.noteError(id, message))
    this.#mounting = new Mounting(context, this.#releaser, this.#views, this.#background)
  }

  get scope(): 'global' | 'local' {
    return this.#context.service.scope
  }

  /**
   * Takes over what the ledger says. Each volume's own operations wait until it was compared with the kernel; no other
   * call waits. Only a server does this.
   */
  start(): void {
    for (const record of this.#context.ledger.all()) {
      this.#context.service.catalog.remember(rememberedVolume(record))
      this.#background.run(record.volume, 'take-over at start', (session) =>
        this.#takeOver(session),
      )
    }
    this.#context.sessions.sweepLocks().catch((error: unknown) => {
      this.#context.logger.warn(`locks of dead processes cannot be swept: ${String(error)}`)
    })
    this.#adopt()
  }

  /** Ends what lingers, finishes what has begun, and stops trying; mounts stay. */
  async close(): Promise<void> {
    this.#adopting?.cancel()
    await this.#background.settled()
    await this.#releaser.close()
  }

  async create(
    name: string,
    options: Readonly<Record<string, string>>,
    call?: IntegrationCall,
  ): Promise<void> {
    if (this.#context.settings.create.disable) return
    await this.#create(name, options, call?.signal)
  }

  async createNew(
    name: string,
    options: Readonly<Record<string, string>>,
    { signal }: IntegrationCall = {},
  ): Promise<VolumeView> {
    const { volume, made } = await this.#create(name, options, signal)
    if (!made) throw alreadyExists(name, volume)
    return this.#views.of(volume, undefined)
  }

  async remove(name: string, { signal }: IntegrationCall = {}): Promise<void> {
    if (this.#context.settings.remove.disable) return
    const work = removeVolume(this.#context, this.#removed, name, signal)
    await answerInTime(this.#context, name, signal, work)
  }

  async mount(request: HolderRequest, { signal }: IntegrationCall = {}): Promise<MountedVolume> {
    const { retryCount, retryWaitMs } = this.#context.settings.mount
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#mounting.mount(request, signal)
      } catch (error) {
        if (attempt >= retryCount || signal?.aborted) throw error
        await sleep(retryWaitMs, signal)
      }
    }
  }

  async unmount({ name, holder }: HolderRequest, { signal }: IntegrationCall = {}): Promise<void> {
    const record = this.#context.ledger.named(name)
    if (record === undefined) return
    // A client that left does not repeat its Unmount: it is done all the same.
    const work = this.#context.sessions.run(
      record.volume,
      'unmounts the volume',
      undefined,
      (session) => this.#releaser.drop(session, holder),
    )
    await answerInTime(this.#context, name, signal, work)
  }

  async path(name: string): Promise<string | undefined> {
    return this.#views.mountpoint(this.#context.ledger.named(name))
  }

  async get(name: string, { signal }: IntegrationCall = {}): Promise<VolumeView> {
    const { ledger, service } = this.#context
    const used = ledger.exactly(name)
    if (used?.mount !== undefined) {
      return this.#views.of(service.catalog.known(used.volume.id) ?? rememberedVolume(used), used)
    }
    const volume = await service.catalog.find(name, { signal })
    return this.#views.of(volume, ledger.get(volume.id))
  }

  async list({ signal }: IntegrationCall = {}): Promise<readonly VolumeView[]> {
    const { ledger, service } = this.#context
    const volumes = await service.catalog.list(signal)
    const records = new Map(ledger.all().map((record) => [record.volume.id, record]))
    return volumes.map((volume) => this.#views.of(volume, records.get(volume.id)))
  }

  /** Whoever stops waiting finds it made later. */
  #create(
    name: string,
    options: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Creation> {
    return untilAborted(createVolume(this.#context, name, options, signal), signal)
  }

  /** An outage of the platform at the start is waited for. */
  #adopt(): void {
    adoptUnknown(this.#context, this.#background).catch((error: unknown) => {
      this.#context.logger.warn(
        `what is mounted without a record is looked for again: ${String(error)}`,
      )
      this.#adopting = after(ADOPTION_RETRY_MS, () => this.#adopt())
    })
  }

  async #takeOver(session: VolumeSession): Promise<void> {
    const { ledger, publisher, places } = this.#context
    const before = ledger.get(session.facts.id)
    if (before === undefined) return
    const published =
      before.mount !== undefined &&
      publisher.isPublished(before.mount.device, places.of(before.volume.name))
    const facts = { bootId: readBootId(), published, now: new Date().toISOString() }
    const { record, next } = reconcile(before, facts)
    if (JSON.stringify(record) !== JSON.stringify(before)) await session.replace(record)
    if (next === 'release') this.#releaser.schedule(session.facts, 0)
    if (next === 'doubt') this.#releaser.scheduleTrial(session.facts, DOUBT_MS)
  }
}

function alreadyExists(name: string, { name: actual, id }: Volume): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `already exists as ${actual} (${id})`,
    remedy: 'choose another name',
  })
}
