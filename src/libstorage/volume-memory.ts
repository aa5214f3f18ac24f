import type { Change, RecentChanges } from './changes.ts'
import { alike } from './namesakes.ts'
import type { Volume, VolumeId } from './types.ts'

/** How long a found volume is remembered without asking again, in milliseconds. */
const REMEMBERED_MS = 5_000
/** How long a definite "no such volume" is remembered, in milliseconds. */
const MISSING_REMEMBERED_MS = 2_000
/** How old an answer may be that the platform itself checks in what is done by it, in milliseconds. */
const RECENT_MS = 2_000
/** So many names are remembered before old ones are looked for. */
const MANY_NAMES = 1_000

/** What a look-up showed, as far as it is to be believed. */
export interface Remembered {
  readonly volumes: readonly Volume[]
  /** When the look-up began. */
  readonly at: number
}

/** What was seen since another process changed something. */
interface SeenSince {
  /** The word for that change. */
  readonly change: string
  /** When the change became known here; it was made before. */
  readonly noticedAt: number
  readonly list?: Remembered
}

/** What was seen of a service's volumes and when, kept up to date with what was changed here. */
export class VolumeMemory {
  readonly #changes: RecentChanges
  readonly #now: () => number
  readonly #byName = new Map<string, Remembered>()
  readonly #known = new Map<VolumeId, Volume>()
  readonly #offered = new Set<string>()
  #list: Remembered | undefined
  #region: Remembered | undefined
  #since: SeenSince | undefined

  constructor(changes: RecentChanges, now: () => number) {
    this.#changes = changes
    this.#now = now
  }

  /** The volumes of this name, as long as that need not be asked again. */
  named(name: string): readonly Volume[] | undefined {
    const own = this.#byName.get(name)
    if (own !== undefined && this.#isFresh(own)) return own.volumes
    const listed = this.freshList()?.filter((volume) => volume.name === name) ?? []
    return listed.length > 0 ? listed : undefined
  }

  /** Whoever asks next for what is recent may have what is known of this name now. */
  offer(name: string): void {
    this.#offered.add(name)
  }

  /** The volumes of this name, where they were offered a moment ago, nobody had them since, and nothing was changed here. */
  takeOffered(name: string): readonly Volume[] | undefined {
    const own = this.#byName.get(name)
    if (!this.#offered.delete(name) || own === undefined) return undefined
    return own.volumes.length > 0 && this.#now() - own.at < RECENT_MS ? own.volumes : undefined
  }

  /** The volume with this id as it was last seen, however long ago. */
  known(id: VolumeId): Volume | undefined {
    return this.#known.get(id)
  }

  /** The volumes of this name as they were last seen. */
  knownNamed(name: string): readonly Volume[] {
    return [...this.#known.values()].filter((volume) => volume.name === name)
  }

  /** The volumes of this name in any letter case as they were last seen. */
  knownAlike(name: string): readonly Volume[] {
    return alike(name, this.#known.values())
  }

  /** All volumes, as long as that need not be asked again. */
  freshList(): readonly Volume[] | undefined {
    return this.#list !== undefined && this.#isFresh(this.#list) ? this.#list.volumes : undefined
  }

  /** When it became known here that another process had changed something, which is now unless it was known. */
  noticed(change: string): number {
    if (this.#since?.change !== change) this.#since = { change, noticedAt: this.#now() }
    return this.#since.noticedAt
  }

  /** All volumes as they were seen since that change of another process, as long as that need not be asked again. */
  freshListSince(change: string): readonly Volume[] | undefined {
    const list = this.#since?.change === change ? this.#since.list : undefined
    return list !== undefined && this.#isFresh(list) ? list.volumes : undefined
  }

  /** All volumes with what was changed here since they were listed, however long ago that was. */
  oldList(): readonly Volume[] | undefined {
    return this.#list && this.#corrected(this.#list, () => true).volumes
  }

  /** The volumes of all zones, as long as that need not be asked again. */
  freshRegion(): readonly Volume[] | undefined {
    return this.#region !== undefined && this.#isFresh(this.#region)
      ? this.#region.volumes
      : undefined
  }

  keepNamed(name: string, remembered: Remembered): void {
    this.#forgetOldNames()
    this.#byName.set(name, remembered)
    this.#replace((volume) => volume.name === name, remembered.volumes)
  }

  /** Keeps those of this zone of a look for a name in any letter case. */
  keepAlike(name: string, { volumes, at }: Remembered): void {
    this.#forgetOldNames()
    this.#byName.set(name, { volumes: volumes.filter((volume) => volume.name === name), at })
    this.#replace((volume) => alike(name, [volume]).length > 0, volumes)
  }

  keepList(remembered: Remembered): void {
    this.#list = remembered
    this.#replace(() => true, remembered.volumes)
  }

  keepListSince(change: string, list: Remembered): void {
    if (this.#since?.change === change) this.#since = { ...this.#since, list }
  }

  keepRegion(remembered: Remembered): void {
    this.#region = remembered
  }

  /** Takes in what is known of a volume from before this process began; what the platform says replaces it. */
  remember(volume: Volume): void {
    if (!this.#known.has(volume.id)) this.#known.set(volume.id, volume)
  }

  made(volume: Volume): void {
    this.#byName.set(volume.name, { volumes: [volume], at: this.#now() })
    this.#known.set(volume.id, volume)
    this.note(volume, { kind: 'created', volume })
    this.offer(volume.name)
  }

  changed(volume: Volume): void {
    this.#known.set(volume.id, volume)
    this.note(volume, { kind: 'changed', volume })
  }

  removed(volume: Pick<Volume, 'id' | 'name'>): void {
    this.#known.delete(volume.id)
    this.note(volume, { kind: 'removed' })
  }

  /** What is remembered is as old as before, but says what was changed since. */
  note({ id, name }: Pick<Volume, 'id' | 'name'>, change: Change): void {
    this.#changes.note(id, change)
    this.#offered.delete(name)
    const before = this.#known.get(id)
    const [known] = this.#changes.correct(
      before === undefined ? [] : [before],
      Number.NEGATIVE_INFINITY,
      () => false,
    )
    if (known !== undefined) this.#known.set(id, known)
    const named = this.#byName.get(name)
    if (named !== undefined)
      this.#byName.set(
        name,
        this.#corrected(named, (one) => one.name === name),
      )
    this.#list &&= this.#corrected(this.#list, () => true)
    this.#correctSince()
    this.#region &&= this.#corrected(this.#region, () => true)
  }

  #corrected({ volumes, at }: Remembered, covers: (volume: Volume) => boolean): Remembered {
    return { volumes: this.#changes.correct(volumes, at, covers), at }
  }

  #correctSince(): void {
    if (this.#since?.list === undefined) return
    const { noticedAt, list } = this.#since
    const volumes = this.#changes.correct(list.volumes, list.at, () => true, noticedAt)
    this.#since = { ...this.#since, list: { ...list, volumes } }
  }

  #isFresh({ volumes, at }: Remembered): boolean {
    return this.#now() - at < (volumes.length > 0 ? REMEMBERED_MS : MISSING_REMEMBERED_MS)
  }

  #replace(isMeant: (volume: Volume) => boolean, by: readonly Volume[]): void {
    for (const [id, volume] of this.#known) if (isMeant(volume)) this.#known.delete(id)
    for (const volume of by) this.#known.set(volume.id, volume)
  }

  /** Names that were asked for and do not exist would otherwise be remembered for ever. */
  #forgetOldNames(): void {
    if (this.#byName.size < MANY_NAMES) return
    for (const [name, remembered] of this.#byName)
      if (!this.#isFresh(remembered)) {
        this.#byName.delete(name)
        this.#offered.delete(name)
      }
  }
}
