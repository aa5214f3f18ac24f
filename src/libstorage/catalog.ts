import { type Change, type EndedAttachment, RecentChanges } from './changes.ts'
import { NotFoundError, volumeNamed } from './errors.ts'
import { alike, isInZone, refuseElsewhere, theOne, type ZoneToMakeIn } from './namesakes.ts'
import { isOutage } from './outage.ts'
import { SingleFlight } from './single-flight.ts'
import type { Provider, StorageDriver } from './storage-driver.ts'
import type { Volume, VolumeAttachment, VolumeId, VolumeQuery } from './types.ts'
import { timeLimit, untilAborted } from './wait.ts'

/** How long a found volume is remembered without asking again. */
const REMEMBERED_MS = 5_000
/** How long a definite "no such volume" is remembered. */
const MISSING_REMEMBERED_MS = 2_000
/** How long one look-up may take when the volume is known from before and can be answered anyway. */
const KNOWN_LOOK_UP_MS = 2_000
/** The facts of a platform that a catalog has to know. */
export type PlatformFacts = Pick<Provider, 'consistency' | 'looksLikeId'>

/** How a volume is looked for. */
export interface FindOptions {
  readonly signal?: AbortSignal | undefined
  /** Ask the platform even if the answer is remembered: before something that changes the volume. */
  readonly fresh?: boolean
  /** Look without regard to case in a list that is no older than what is remembered: before a Remove. */
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
  readonly #facts: PlatformFacts
  readonly #now: () => number
  readonly #changes: RecentChanges
  readonly #flights = new SingleFlight<readonly Volume[]>()
  readonly #byName = new Map<string, Remembered>()
  readonly #known = new Map<VolumeId, Volume>()
  #list: Remembered | undefined
  /** All volumes in all zones, as a Create needs them. */
  #region: Remembered | undefined

  constructor(
    driver: StorageDriver,
    facts: PlatformFacts,
    now: () => number = () => performance.now(),
  ) {
    this.#driver = driver
    this.#facts = facts
    this.#now = now
    this.#changes = new RecentChanges(facts.consistency, now)
  }

  /**
   * The one living volume of this name, else the one that matches without regard to case, else the one with this id.
   * Rejects with `NotFoundError` only on the platform's definite "no", with `UnavailableError` when it cannot say and
   * nothing is known, and with `FailedPreconditionError` when several match.
   */
  async find(name: string, options: FindOptions = {}): Promise<Volume> {
    const found =
      theOne(name, await this.#lookUp(name, options)) ??
      theOne(name, await this.#alike(name, options)) ??
      (options.nameOnly === true ? undefined : await this.#byId(name, options))
    if (found === undefined) throw new NotFoundError(volumeNamed(name))
    return found
  }

  /**
   * The volume that a Create of this name would be a second one of: exactly named in the zone, or else but for letter
   * case. Asks the platform for the whole region, and rejects with `FailedPreconditionError` about a namesake in another
   * zone unless a zone was asked for.
   */
  async namesake(
    name: string,
    zone: ZoneToMakeIn,
    signal?: AbortSignal,
  ): Promise<Volume | undefined> {
    const asked = this.#flights.do(`region/${name}`, () => this.#fetchNamesakes(name, zone))
    const exact = await untilAborted(asked, signal)
    const isThere = (volume: Volume) => isInZone(volume, zone)
    const found = theOne(name, exact.filter(isThere))
    if (found !== undefined) return found
    const all = alike(name, [...exact, ...(await this.#wholeRegion(name, signal))])
    const near = theOne(name, all.filter(isThere))
    if (near === undefined) refuseElsewhere(all, zone)
    return near
  }

  /** All volumes that have a name. Falls back to the last list when the platform cannot be asked. */
  async list(signal?: AbortSignal): Promise<readonly Volume[]> {
    const remembered = this.#list
    if (remembered !== undefined && this.#isFresh(remembered)) return remembered.volumes
    try {
      return await untilAborted(
        this.#flights.do('list', () => this.#fetchList()),
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

  detached(volume: Pick<Volume, 'id' | 'name'>, attachment: EndedAttachment): void {
    this.#note(volume, { kind: 'detached', attachment })
  }

  removed(volume: Pick<Volume, 'id' | 'name'>): void {
    this.#known.delete(volume.id)
    this.#note(volume, { kind: 'removed' })
  }

  /** What is remembered is as old as before, but says what was changed since. */
  #note({ id, name }: Pick<Volume, 'id' | 'name'>, change: Change): void {
    this.#changes.note(id, change)
    const [known] = this.#changes.correct(this.#ofId(id), Number.NEGATIVE_INFINITY, () => false)
    if (known !== undefined) this.#known.set(id, known)
    const named = this.#byName.get(name)
    if (named !== undefined)
      this.#byName.set(
        name,
        this.#corrected(named, (one) => one.name === name),
      )
    this.#list &&= this.#corrected(this.#list, () => true)
    this.#region &&= this.#corrected(this.#region, () => true)
  }

  #ofId(id: VolumeId): readonly Volume[] {
    const known = this.#known.get(id)
    return known === undefined ? [] : [known]
  }

  #corrected({ volumes, at }: Remembered, covers: (volume: Volume) => boolean): Remembered {
    return { volumes: this.#changes.correct(volumes, at, covers), at }
  }

  async #lookUp(name: string, options: FindOptions): Promise<readonly Volume[]> {
    const { fresh = false } = options
    const remembered = this.#remembered(name)
    if (remembered !== undefined && !fresh) return remembered
    const { signal } = options
    const asked = this.#flights.do(`zone/${name}`, () => this.#fetchByName(name))
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

  async #fetchByName(name: string): Promise<readonly Volume[]> {
    const { volumes, at } = await this.#ask({ name }, (volume) => volume.name === name)
    this.#rememberNamed(name, { volumes, at })
    return volumes
  }

  /** Those of other zones are not remembered: they are no volumes of this service here. */
  async #fetchNamesakes(name: string, { machine }: ZoneToMakeIn): Promise<readonly Volume[]> {
    const query = { name, anyZone: true }
    const { volumes, at } = await this.#ask(query, (volume) => volume.name === name)
    const here = volumes.filter((volume) => isInZone(volume, { machine }))
    this.#rememberNamed(name, { volumes: here, at })
    return volumes
  }

  /** The volumes of all zones, but without those of this name, which were asked for themselves. */
  async #wholeRegion(name: string, signal: AbortSignal | undefined): Promise<readonly Volume[]> {
    const fetch = async () => {
      this.#region = await this.#ask({ anyZone: true }, () => true)
      return this.#region.volumes
    }
    const region = this.#region
    const volumes =
      region !== undefined && this.#isFresh(region)
        ? region.volumes
        : await untilAborted(this.#flights.do('region', fetch), signal)
    return volumes.filter((volume) => volume.name !== name)
  }

  async #fetchList(): Promise<readonly Volume[]> {
    const { volumes, at } = await this.#ask({}, () => true)
    const named = volumes.filter((volume) => volume.name !== '')
    this.#list = { volumes: named, at }
    this.#known.clear()
    for (const volume of named) this.#known.set(volume.id, volume)
    return named
  }

  /** What the platform says to a query, as far as it is to be believed. */
  async #ask(query: VolumeQuery, covers: (volume: Volume) => boolean): Promise<Remembered> {
    const at = this.#now()
    const seen = await this.#driver.volumes(query)
    return { volumes: living(this.#changes.correct(seen, at, covers)), at }
  }

  #rememberNamed(name: string, remembered: Remembered): void {
    this.#byName.set(name, remembered)
    this.#forgetOldNames()
    for (const [id, volume] of this.#known) if (volume.name === name) this.#known.delete(id)
    for (const volume of remembered.volumes) this.#known.set(volume.id, volume)
  }

  async #alike(
    name: string,
    { thorough = false, signal }: FindOptions,
  ): Promise<readonly Volume[]> {
    const isOld = this.#list === undefined || !this.#isFresh(this.#list)
    if (thorough && isOld)
      await untilAborted(
        this.#flights.do('list', () => this.#fetchList()),
        signal,
      )
    return alike(name, this.#known.values())
  }

  async #byId(text: string, { signal }: FindOptions): Promise<Volume | undefined> {
    if (!this.#facts.looksLikeId(text)) return undefined
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
  const limit = timeLimit(KNOWN_LOOK_UP_MS)
  return signal === undefined ? limit : AbortSignal.any([signal, limit])
}

function living(volumes: readonly Volume[]): Volume[] {
  return volumes.filter((volume) => volume.state !== 'deleting')
}
