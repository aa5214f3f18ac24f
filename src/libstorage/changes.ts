import type { Volume, VolumeAttachment, VolumeId } from './types.ts'

/** How long a platform may still show the state before a change made here (semantics: 30 s). */
const BELIEVED_FOR_MS = 30_000

/** What was done to a volume here and the platform has confirmed. */
export type Change =
  | { readonly kind: 'created'; readonly volume: Volume }
  | { readonly kind: 'removed' }
  | { readonly kind: 'attached'; readonly volume: Volume; readonly attachment: VolumeAttachment }
  | { readonly kind: 'detached'; readonly attachment: VolumeAttachment }

/**
 * The changes made here in the last 30 s. Platforms are eventually consistent: a look-up that contradicts one of
 * them is corrected, everything else that it says is believed.
 */
export class RecentChanges {
  readonly #changes = new Map<VolumeId, { change: Change; until: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  note(id: VolumeId, change: Change): void {
    this.#changes.set(id, { change, until: this.#now() + BELIEVED_FOR_MS })
  }

  /** What to believe of a look-up; `covers` says whether a volume that is missing should have been in it. */
  correct(seen: readonly Volume[], covers: (volume: Volume) => boolean): Volume[] {
    this.#forgetOld()
    const present = new Set(seen.map((volume) => volume.id))
    const believed = seen.flatMap((volume) => {
      const change = this.#changes.get(volume.id)?.change
      return change === undefined ? [volume] : corrected(volume, change)
    })
    for (const [id, { change }] of this.#changes) {
      const missing = 'volume' in change && !present.has(id) && covers(change.volume)
      if (missing) believed.push(...corrected(change.volume, change))
    }
    return believed
  }

  #forgetOld(): void {
    const now = this.#now()
    for (const [id, { until }] of this.#changes) if (until <= now) this.#changes.delete(id)
  }
}

function corrected(volume: Volume, change: Change): Volume[] {
  switch (change.kind) {
    case 'created':
      return [volume]
    case 'removed':
      return []
    case 'attached':
      return [withAttachment(volume, change.attachment)]
    case 'detached':
      return [withoutAttachment(volume, change.attachment)]
  }
}

function withAttachment(volume: Volume, attachment: VolumeAttachment): Volume {
  const isEarlier = (other: VolumeAttachment) => other.since < attachment.since
  const isHere = (other: VolumeAttachment) => other.instanceId === attachment.instanceId
  if (volume.attachments.some((other) => isHere(other) && !isEarlier(other))) return volume
  const others = volume.attachments.filter((other) => !isHere(other))
  return { ...volume, state: 'in-use', attachments: [...others, attachment] }
}

function withoutAttachment(volume: Volume, ended: VolumeAttachment): Volume {
  const attachments = volume.attachments.filter(
    (other) =>
      other.instanceId !== ended.instanceId || other.since.getTime() !== ended.since.getTime(),
  )
  if (attachments.length === volume.attachments.length) return volume
  return { ...volume, state: attachments.length === 0 ? 'available' : volume.state, attachments }
}
