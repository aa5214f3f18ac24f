import { type Change, RecentChanges } from './changes.ts'
import { FailedPreconditionError, isStorageError, NotFoundError, volumeNamed } from './errors.ts'
import { SingleFlight } from './single-flight.ts'
import type { Provider, StorageDriver } from './storage-driver.ts'
import type { Volume, VolumeAttachment, VolumeId, VolumeQuery } from './types.ts'
import { untilAborted } from './wait.ts'

/** How long a found volume is remembered without asking again. */
const REMEMBERED_MS = 5_000
/** How long a definite "no such volume" is remembered. */
const MISSING_REMEMBERED_MS = 2_000
/** How long one look-up may take when the volume is known from before and can be answered anyway. */
const KNOWN_LOOK_UP_MS = 2_000
/** What a platform's id of a volume looks like, where a name is expected. */
const ID_SHAPE = /^vol-[0-9a-f]{8,}$/

/** Whether a text has the form of a volume's id: where a name is expected it may mean that volume. */
export function looksLikeId(text: string): boolean {
  return ID_SHAPE.test(text)
}

/** How a volume is looked for. */
export interface FindOptions {
  readonly signal?: AbortSignal | undefined
  /** Ask the platform even if the answer is remembered: before something that changes the volume. */
  readonly fresh?: boolean
  /** Look in the whole region, and fetch the list to look without regard to case: before a Create or a Remove. */
  readonly thorough?: boolean
  /** Take a name only, never an id. */
  readonly nameOnly?: boolean
}

interface Remembered {
  readonly volumes: readonly Volume[]
  readonly at: number
}

/**
 * What this process knows of a service's volumes: looks them up by name with as few calls as possible, and remembers.
 * Many look-ups at once are one; what was changed here is believed against a platform that lags behind.
 */
export class VolumeCatalog {
  readonly #driver: StorageDriver
  readonly #now: () => number
  readonly #changes: RecentChanges
  readonly #flights = new SingleFlight<readonly Volume[]>()
  readonly #byName = new Map<string, Remembered>()
  readonly #known = new Map<VolumeId, Volume>()
  #list: Remembered | undefined

  constructor(
    driver: StorageDriver,
    consistency: Provider['consistency'],
    now: () => number = () => performance.now(),
  ) {
    this.#driver = driver
    this.#now = now
    this.#changes = new RecentChanges(consistency, now)
  }

  /**
   * The one living volume of this name, else the one that matches without regard to case, else the one with this id.
   * Rejects with `NotFoundError` only on the platform's definite "no", with `UnavailableError` when it cannot say and
   * nothing is known, and with `FailedPreconditionError` when several match.
   */
  async find(name: string, options: FindOptions = {}): Promise<Volume> {
    const exact = await this.#lookUp(name, options)
    if (exact.length > 0) return theOne(name, exact)
    const alike = await this.#alike(name, options)
    if (alike.length > 0) return theOne(name, alike)
    const byId = options.nameOnly === true ? undefined : await this.#byId(name, options)
    if (byId !== undefined) return byId
    throw new NotFoundError(volumeNamed(name))
  }

  /** All volumes that have a name. Falls back to the last list when the platform cannot be asked. */
  async list(signal?: AbortSignal): Promise<readonly Volume[]> {
    const remembered = this.#list
    if (remembered !== undefined && this.#isFresh(remembered)) return remembered.volumes
    try {
      return await untilAborted(
        this.#flights.do('', () => this.#fetchList({})),
        signal,
      )
    } catch (error) {
      if (remembered === undefined || !isOutage(error)) throw error
      return this.#corrected(remembered, () => true).volumes
    }
  }

  /** The volume with this id as it was last seen, without any call. */
  known(id: VolumeId): Volume | undefined {
    return this.#known.get(id)
  }

  /** Takes in what is known of a volume from before this process began; what the platform says replaces it. */
  remember(volume: Volume): void {
    if (!this.#known.has(volume.id)) this.#known.set(volume.id, volume)
  }

  created(volume: Volume): void {
    this.#byName.set(volume.name, { volumes: [volume], at: this.#now() })
    this.#known.set(volume.id, volume)
    this.#note(volume, { kind: 'created', volume })
  }

  /** A volume was changed here: what is remembered of it is replaced. */
  changed(volume: Volume): void {
    this.#known.set(volume.id, volume)
    this.#note(volume, { kind: 'changed', volume })
  }

  attached(volume: Volume, attachment: VolumeAttachment): void {
    this.#note(volume, { kind: 'attached', volume, attachment })
  }

  detached(volume: Pick<Volume, 'id' | 'name'>, attachment: VolumeAttachment): void {
    this.#note(volume, { kind: 'detached', attachment })
  }

  removed(volume: Pick<Volume, 'id' | 'name'>): void {
    this.#known.delete(volume.id)
    this.#note(volume, { kind: 'removed' })
  }

  /** What is remembered is as old as before, but says what was changed since. */
  #note({ id, name }: Pick<Volume, 'id' | 'name'>, change: Change): void {
    this.#changes.note(id, change)
    const named = this.#byName.get(name)
    if (named !== undefined)
      this.#byName.set(
        name,
        this.#corrected(named, (one) => one.name === name),
      )
    if (this.#list !== undefined) this.#list = this.#corrected(this.#list, () => true)
  }

  #corrected({ volumes, at }: Remembered, covers: (volume: Volume) => boolean): Remembered {
    return { volumes: this.#changes.correct(volumes, at, covers), at }
  }

  async #lookUp(
    name: string,
    { signal, fresh = false, thorough = false }: FindOptions,
  ): Promise<readonly Volume[]> {
    const remembered = this.#remembered(name)
    if (remembered !== undefined && !fresh && !(thorough && remembered.length === 0))
      return remembered
    const query: VolumeQuery = thorough ? { name, anyZone: true } : { name }
    const asked = this.#flights.do(`${thorough ? 'region' : 'zone'}/${name}`, () =>
      this.#fetchByName(query, name),
    )
    const known = fresh ? [] : [...this.#known.values()].filter((volume) => volume.name === name)
    if (known.length === 0) return untilAborted(asked, signal)
    try {
      return await untilAborted(asked, withLimit(signal))
    } catch (error) {
      if (!isOutage(error)) throw error
      return known
    }
  }

  #remembered(name: string): readonly Volume[] | undefined {
    const own = this.#byName.get(name)
    if (own !== undefined && this.#isFresh(own)) return own.volumes
    if (this.#list === undefined || !this.#isFresh(this.#list)) return undefined
    const listed = this.#list.volumes.filter((volume) => volume.name === name)
    return listed.length > 0 ? listed : undefined
  }

  #isFresh({ volumes, at }: Remembered): boolean {
    return this.#now() - at < (volumes.length > 0 ? REMEMBERED_MS : MISSING_REMEMBERED_MS)
  }

  async #fetchByName(query: VolumeQuery, name: string): Promise<readonly Volume[]> {
    const at = this.#now()
    const seen = await this.#driver.volumes(query)
    const volumes = living(this.#changes.correct(seen, at, (volume) => volume.name === name))
    this.#byName.set(name, { volumes, at })
    this.#forgetOldNames()
    for (const [id, volume] of this.#known) if (volume.name === name) this.#known.delete(id)
    for (const volume of volumes) this.#known.set(volume.id, volume)
    return volumes
  }

  async #fetchList(query: VolumeQuery): Promise<readonly Volume[]> {
    const at = this.#now()
    const seen = await this.#driver.volumes(query)
    const volumes = living(this.#changes.correct(seen, at, () => true)).filter(
      (volume) => volume.name !== '',
    )
    this.#list = { volumes, at }
    this.#known.clear()
    for (const volume of volumes) this.#known.set(volume.id, volume)
    return volumes
  }

  async #alike(
    name: string,
    { thorough = false, signal }: FindOptions,
  ): Promise<readonly Volume[]> {
    if (thorough && this.#list === undefined) await this.list(signal)
    const folded = name.toLowerCase()
    return [...this.#known.values()].filter((volume) => volume.name.toLowerCase() === folded)
  }

  async #byId(text: string, { signal }: FindOptions): Promise<Volume | undefined> {
    if (!looksLikeId(text)) return undefined
    try {
      const at = this.#now()
      const seen = await this.#driver.volume(text, signal === undefined ? {} : { signal })
      return living(this.#changes.correct([seen], at, () => false))[0]
    } catch (error) {
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }

  /** Names that were asked for and do not exist would otherwise be remembered for ever. */
  #forgetOldNames(): void {
    if (this.#byName.size < 1_000) return
    for (const [name, remembered] of this.#byName)
      if (!this.#isFresh(remembered)) this.#byName.delete(name)
  }
}

/** What is known already is worth no long wait; a caller that goes away ends it sooner. */
function withLimit(signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(KNOWN_LOOK_UP_MS)
  return signal === undefined ? limit : AbortSignal.any([signal, limit])
}

function living(volumes: readonly Volume[]): Volume[] {
  return volumes.filter((volume) => volume.state !== 'deleting')
}

function theOne(name: string, volumes: readonly Volume[]): Volume {
  const [only, ...others] = volumes
  if (only !== undefined && others.length === 0) return only
  const list = volumes.map(
    (volume) =>
      `${volume.name} (${volume.id}${volume.zone === undefined ? '' : ` in ${volume.zone}`})`,
  )
  throw new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is the name of ${volumes.length} volumes: ${list.join(', ')}`,
    remedy: 'use the id, or rename all but one',
  })
}

/** Whether an error says that the platform could not answer, rather than what its answer is. */
function isOutage(error: unknown): boolean {
  return isStorageError(error) && (error.code === 'ERR_UNAVAILABLE' || error.code === 'ERR_TIMEOUT')
}
