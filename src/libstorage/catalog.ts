import { type EndedAttachment, RecentChanges } from './changes.ts'
import { NotFoundError, volumeNamed } from './errors.ts'
import { inTime, orKnown } from './look-up-time.ts'
import { alike, isInZone, refuseElsewhere, theOne, type ZoneToMakeIn } from './namesakes.ts'
import { isOutage } from './outage.ts'
import { SingleFlight } from './single-flight.ts'
import type { Provider, StorageDriver } from './storage-driver.ts'
import type { Volume, VolumeAttachment, VolumeId, VolumeQuery } from './types.ts'
import { type Remembered, VolumeMemory } from './volume-memory.ts'
import { untilAborted } from './wait.ts'

/** The facts of a platform that a catalog has to know. */
export type PlatformFacts = Pick<Provider, 'consistency' | 'looksLikeId'>

/** How a volume is looked for. */
export interface FindOptions {
  readonly signal?: AbortSignal | undefined
  /** Ask the platform even if the answer is remembered: before something that changes the volume. */
  readonly fresh?: boolean
  /**
   * Ask the platform, unless the last to ask was somebody who only wanted to know, within the last 2 s: before what the
   * platform itself refuses where that was wrong.
   */
  readonly recent?: boolean
  /** Look without regard to case at what is no older than what is remembered: before a Remove. */
  readonly thorough?: boolean
  /** Take a name only, never an id. */
  readonly nameOnly?: boolean
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
  readonly #memory: VolumeMemory
  readonly #flights = new SingleFlight<readonly Volume[]>()
  #recorded: (name: string) => VolumeId | undefined = () => undefined

  constructor(
    driver: StorageDriver,
    facts: PlatformFacts,
    now: () => number = () => performance.now(),
  ) {
    this.#driver = driver
    this.#facts = facts
    this.#now = now
    this.#changes = new RecentChanges(facts.consistency, now)
    this.#memory = new VolumeMemory(this.#changes, now)
  }

  /** Whether the platform may not show for a while what was changed. */
  get lags(): boolean {
    return this.#facts.consistency === 'eventual'
  }

  /** Tells whom to ask for the id of a volume that the platform, where it lags, does not show by its name. */
  consult(recorded: (name: string) => VolumeId | undefined): void {
    this.#recorded = recorded
  }

  /**
   * The one living volume of this name, else the one that matches without regard to case, else the one with this id.
   * Rejects with `NotFoundError` only on the platform's definite "no", with `UnavailableError` when it cannot say and
   * nothing is known, and with `FailedPreconditionError` when several match.
   */
  find(name: string, options: FindOptions = {}): Promise<Volume> {
    return inTime(name, this.#find(name, options), { ...options, driver: this.#driver })
  }

  async #find(name: string, options: FindOptions): Promise<Volume> {
    const found =
      theOne(name, await this.#lookUp(name, options)) ??
      theOne(name, await this.#alike(name, options)) ??
      (await this.#unseen(name, options)) ??
      (options.nameOnly === true ? undefined : await this.#byId(name, options))
    if (found === undefined) throw new NotFoundError(volumeNamed(name))
    return found
  }

  /**
   * The volume that a Create of this name would be a second one of: exactly named in the zone, or else but for letter
   * case. Asks the platform for the whole region, whatever it said before: another process may have made one meanwhile.
   * Rejects with `FailedPreconditionError` about a namesake in another zone unless a zone was asked for.
   */
  namesake(name: string, zone: ZoneToMakeIn, signal?: AbortSignal): Promise<Volume | undefined> {
    return inTime(name, this.#namesake(name, zone, signal), { signal, driver: this.#driver })
  }

  async #namesake(
    name: string,
    zone: ZoneToMakeIn,
    signal?: AbortSignal,
  ): Promise<Volume | undefined> {
    const isWide = this.#driver.namesakes !== undefined
    const asked = isWide ? this.#namesakes(name, zone) : this.#exactNamesakes(name, zone)
    const seen = await untilAborted(asked, signal)
    const isThere = (volume: Volume) => isInZone(volume, zone)
    const exact = seen.filter((volume) => volume.name === name)
    const found = theOne(name, exact.filter(isThere))
    if (found !== undefined) return found
    const all = isWide ? seen : alike(name, [...exact, ...(await this.#wholeRegion(name, signal))])
    const near = theOne(name, all.filter(isThere))
    if (near === undefined) refuseElsewhere(all, zone)
    return near
  }

  /** All volumes that have a name. Falls back to the last list when the platform cannot be asked, unless told to reject then. */
  async list(signal?: AbortSignal, orReject = false): Promise<readonly Volume[]> {
    const fresh = this.#memory.freshList()
    if (fresh !== undefined) return fresh
    try {
      return await untilAborted(this.#all(), signal)
    } catch (error) {
      const old = isOutage(error) && !orReject ? this.#memory.oldList() : undefined
      if (old === undefined) throw error
      return old
    }
  }

  /**
   * All volumes that have a name, for somebody who knows that another process changed some of them; `change` is a word for
   * the last such change. Only a look-up that began after it is taken, and nothing that was noted here before is held
   * against what that shows. Rejects when the platform cannot be asked.
   */
  async listSince(change: string, signal?: AbortSignal): Promise<readonly Volume[]> {
    const noticedAt = this.#memory.noticed(change)
    const fresh = this.#memory.freshListSince(change)
    if (fresh !== undefined) return fresh
    const ask = async () => {
      const { volumes, at } = await this.#ask({}, () => true, noticedAt)
      const named = volumes.filter((volume) => volume.name !== '')
      this.#memory.keepListSince(change, { volumes: named, at })
      return named
    }
    return await untilAborted(this.#flights.do(`list since ${change}`, ask), signal)
  }

  /** The volume with this id as it was last seen, without any call. */
  known(id: VolumeId): Volume | undefined {
    return this.#memory.known(id)
  }

  /** Takes in what is known of a volume from before this process began; what the platform says replaces it. */
  remember(volume: Volume): void {
    this.#memory.remember(volume)
  }

  created(volume: Volume): void {
    this.#memory.made(volume)
  }

  /** A volume was changed here: what is remembered of it is replaced. */
  changed(volume: Volume): void {
    this.#memory.changed(volume)
  }

  attached(volume: Volume, attachment: VolumeAttachment): void {
    this.#memory.note(volume, { kind: 'attached', volume, attachment })
  }

  detached(volume: Pick<Volume, 'id' | 'name'>, attachment: EndedAttachment): void {
    this.#memory.note(volume, { kind: 'detached', attachment })
  }

  removed(volume: Pick<Volume, 'id' | 'name'>): void {
    this.#memory.removed(volume)
  }

  async #lookUp(name: string, options: FindOptions): Promise<readonly Volume[]> {
    const { fresh = false, recent = false, thorough = false } = options
    const remembered = recent ? this.#memory.takeOffered(name) : this.#memory.named(name)
    if (remembered !== undefined && !fresh) return remembered
    const { signal } = options
    const known = this.#memory.knownNamed(name)
    const isWide = this.#driver.namesakes !== undefined && (thorough || known.length === 0)
    const asked = isWide ? this.#namesakesHere(name) : this.#inZone(name)
    if (fresh || recent) return await untilAborted(asked, signal)
    const seen = await orKnown(asked, known, signal)
    this.#memory.offer(name)
    return seen
  }

  #inZone(name: string): Promise<readonly Volume[]> {
    return this.#flights.do(`zone/${name}`, async () => {
      const seen = await this.#ask({ name }, (volume) => volume.name === name)
      this.#memory.keepNamed(name, seen)
      return seen.volumes
    })
  }

  /** Those of other zones are not remembered: they are no volumes of this service here. */
  #exactNamesakes(name: string, { machine }: ZoneToMakeIn): Promise<readonly Volume[]> {
    return this.#flights.do(`region/${name}`, async () => {
      const query = { name, anyZone: true }
      const { volumes, at } = await this.#ask(query, (volume) => volume.name === name)
      const here = volumes.filter((volume) => isInZone(volume, { machine }))
      this.#memory.keepNamed(name, { volumes: here, at })
      return volumes
    })
  }

  /** One look-up for all namesakes, exact ones first. A Create never joins one that began before its turn. */
  #namesakes(name: string, toMakeIn?: ZoneToMakeIn): Promise<readonly Volume[]> {
    const zone = toMakeIn?.asked
    const purpose = toMakeIn === undefined ? 'find' : `create in ${zone ?? ''}`
    return this.#flights.do(`${purpose}/${name}`, async () => {
      const at = this.#now()
      const options = zone === undefined ? {} : { zone }
      const { here = [], elsewhere = [] } = (await this.#driver.namesakes?.(name, options)) ?? {}
      const covers = (volume: Volume) => alike(name, [volume]).length > 0
      const volumes = living(this.#changes.correct([...here, ...elsewhere], at, covers))
      const isAway = new Set(elsewhere.map(({ id }) => id))
      const inZone = volumes.filter(({ id }) => !isAway.has(id))
      this.#memory.keepAlike(name, { volumes: inZone, at })
      return [...volumes].sort((one, other) => +(other.name === name) - +(one.name === name))
    })
  }

  async #namesakesHere(name: string): Promise<readonly Volume[]> {
    await this.#namesakes(name)
    return this.#memory.knownNamed(name)
  }

  /** The volumes of all zones, but without those of this name, which were asked for themselves. */
  async #wholeRegion(name: string, signal: AbortSignal | undefined): Promise<readonly Volume[]> {
    const fetch = async () => {
      const seen = await this.#ask({ anyZone: true }, () => true)
      this.#memory.keepRegion(seen)
      return seen.volumes
    }
    const volumes =
      this.#memory.freshRegion() ?? (await untilAborted(this.#flights.do('region', fetch), signal))
    return volumes.filter((volume) => volume.name !== name)
  }

  #all(): Promise<readonly Volume[]> {
    return this.#flights.do('list', async () => {
      const { volumes, at } = await this.#ask({}, () => true)
      const named = volumes.filter((volume) => volume.name !== '')
      this.#memory.keepList({ volumes: named, at })
      return named
    })
  }

  /** What the platform says to a query, as far as it is to be believed. */
  async #ask(
    query: VolumeQuery,
    covers: (volume: Volume) => boolean,
    notedSince?: number,
  ): Promise<Remembered> {
    const at = this.#now()
    const seen = await this.#driver.volumes(query)
    return { volumes: living(this.#changes.correct(seen, at, covers, notedSince)), at }
  }

  async #alike(
    name: string,
    { thorough = false, signal }: FindOptions,
  ): Promise<readonly Volume[]> {
    const isOld = this.#memory.freshList() === undefined
    // A look-up of all namesakes has shown them already.
    if (thorough && isOld && this.#driver.namesakes === undefined)
      await untilAborted(this.#all(), signal)
    return this.#memory.knownAlike(name)
  }

  /** The volume that is recorded here under this name, where the platform shows it by its id alone. */
  async #unseen(name: string, options: FindOptions): Promise<Volume | undefined> {
    const id = this.lags ? this.#recorded(name) : undefined
    const at = this.#now()
    const seen = id === undefined ? undefined : await this.#byId(id, options)
    if (seen?.name !== name) return undefined
    this.#memory.keepNamed(name, { volumes: [seen], at })
    return seen
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
}

function living(volumes: readonly Volume[]): Volume[] {
  return volumes.filter((volume) => volume.state !== 'deleting')
}
