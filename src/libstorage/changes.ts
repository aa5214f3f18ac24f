import type { Volume, VolumeAttachment, VolumeId } from './types.ts'

/** How long a platform that lags may still show the state before a change made here (docs/semantics.md, Existence). */
const LAG_MS = 30_000
/** How long a change is kept: as long as a look-up may take that began before it, or longer. */
const KEPT_MS = 120_000

/** An attachment that was ended; where nobody learned when it began, whatever attachment there is to that machine. */
export type EndedAttachment = Pick<VolumeAttachment, 'instanceId'> &
  Partial<Pick<VolumeAttachment, 'since'>>

/** What was done to a volume here and the platform has confirmed. */
export type Change =
  | { readonly kind: 'created'; readonly volume: Volume }
  | { readonly kind: 'changed'; readonly volume: Volume }
  | { readonly kind: 'removed' }
  | { readonly kind: 'attached'; readonly volume: Volume; readonly attachment: VolumeAttachment }
  | { readonly kind: 'detached'; readonly attachment: EndedAttachment }

/** The last change of a volume, and how the volume was when a change last showed that it is there. */
interface Noted {
  readonly change: Change
  readonly at: number
  readonly seen: Sight | undefined
  /** The same of a volume that was made here: only of that one "not found" is not believed later. */
  readonly made: Sight | undefined
}

interface Sight {
  readonly volume: Volume
  readonly at: number
}

/**
 * The changes made here. A look-up that contradicts one of them is corrected if it began before the change, or, where
 * the platform lags, no more than 30 s after it; everything else that it says is believed.
 */
export class RecentChanges {
  readonly #changes = new Map<VolumeId, Noted>()
  readonly #now: () => number
  readonly #lagMs: number

  constructor(consistency: 'strong' | 'eventual', now: () => number) {
    this.#now = now
    this.#lagMs = consistency === 'strong' ? 0 : LAG_MS
  }

  note(id: VolumeId, change: Change): void {
    this.#forgetOld()
    const at = this.#now()
    const madeAt = change.kind === 'created' ? at : this.#changes.get(id)?.made?.at
    const made = this.#sightOf(id, change, madeAt)
    // A detach tells nothing of the volume but that: a platform that lags may not even show that it was made.
    const seen = 'volume' in change ? { volume: change.volume, at } : made
    this.#changes.set(id, { change, at, seen, made })
  }

  /**
   * What to believe of a look-up that began at `askedAt`; `covers` says whether a missing volume should have been in it.
   * With `notedSince` only changes count that were noted no earlier: another process may have changed more after them.
   */
  correct(
    seen: readonly Volume[],
    askedAt: number,
    covers: (volume: Volume) => boolean,
    notedSince = Number.NEGATIVE_INFINITY,
  ): Volume[] {
    const present = new Set(seen.map((volume) => volume.id))
    const believed = seen.flatMap((volume) => {
      const change = this.#changeSince(volume.id, askedAt, notedSince)
      return change === undefined ? [volume] : corrected(volume, change)
    })
    for (const [id, { change, at, seen: known }] of this.#changes) {
      if (at < notedSince || known === undefined || known.at + this.#lagMs <= askedAt) continue
      const missing = !present.has(id) && covers(known.volume)
      if (missing) believed.push(...corrected(known.volume, change))
    }
    return believed
  }

  #sightOf(id: VolumeId, change: Change, madeAt: number | undefined): Sight | undefined {
    if (madeAt === undefined || change.kind === 'removed') return undefined
    if ('volume' in change) return { volume: change.volume, at: madeAt }
    return this.#changes.get(id)?.made
  }

  #changeSince(id: VolumeId, askedAt: number, notedSince: number): Change | undefined {
    const noted = this.#changes.get(id)
    if (noted === undefined || noted.at < notedSince) return undefined
    return noted.at + this.#lagMs > askedAt ? noted.change : undefined
  }

  #forgetOld(): void {
    const oldest = this.#now() - KEPT_MS
    for (const [id, { at }] of this.#changes) if (at < oldest) this.#changes.delete(id)
  }
}

function corrected(volume: Volume, change: Change): Volume[] {
  switch (change.kind) {
    case 'created':
      return [volume]
    case 'changed':
      return [{ ...volume, ...shapeOf(change.volume) }]
    case 'removed':
      return []
    case 'attached':
      return [withAttachment(volume, change.attachment)]
    case 'detached':
      return [withoutAttachment(volume, change.attachment)]
  }
}

/** What a change is about; the attachments are another matter. */
function shapeOf({ sizeGiB, type, iops }: Volume): Pick<Volume, 'sizeGiB' | 'type' | 'iops'> {
  return { sizeGiB, ...(type !== undefined && { type }), ...(iops !== undefined && { iops }) }
}

function withAttachment(volume: Volume, attachment: VolumeAttachment): Volume {
  const isEarlier = (other: VolumeAttachment) => other.since < attachment.since
  const isHere = (other: VolumeAttachment) => other.instanceId === attachment.instanceId
  if (volume.attachments.some((other) => isHere(other) && !isEarlier(other))) return volume
  const others = volume.attachments.filter((other) => !isHere(other))
  return { ...volume, state: 'in-use', attachments: [...others, attachment] }
}

function withoutAttachment(volume: Volume, { instanceId, since }: EndedAttachment): Volume {
  const isEnded = (other: VolumeAttachment) =>
    other.instanceId === instanceId &&
    (since === undefined || other.since.getTime() === since.getTime())
  const attachments = volume.attachments.filter((other) => !isEnded(other))
  if (attachments.length === volume.attachments.length) return volume
  return { ...volume, state: attachments.length === 0 ? 'available' : volume.state, attachments }
}
