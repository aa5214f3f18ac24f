import type { VolumeId } from '../../libstorage/types.ts'

/** For how long what is known counts, in milliseconds: surely less than EC2 remembers a client token. */
const KEPT_MS = 3_600_000
/** For how long after its last refusal a token's first one counts. */
const REPEATED_MS = 120_000

/**
 * What this process knows of client tokens and of the volumes that they made. EC2 remembers a token for hours, may show for
 * a moment what is gone and hide what it has made: who knows better has not to wait, and who has waited waits no more.
 */
export class TokenMemory {
  readonly #goneAt = new Map<VolumeId, number>()
  readonly #madeBy = new Map<string, { readonly id: VolumeId; readonly at: number }>()
  readonly #refused = new Map<string, { readonly firstAt: number; readonly at: number }>()

  /** A volume is deleted, or of no use to anybody. */
  left(id: VolumeId): void {
    prune(this.#goneAt, (at) => isRecent(at))
    this.#goneAt.set(id, performance.now())
  }

  /** A token was used for the first time, for this volume. */
  made(token: string, id: VolumeId): void {
    prune(this.#madeBy, ({ at }) => isRecent(at))
    this.#madeBy.set(token, { id, at: performance.now() })
  }

  /** EC2 knows a token with other parameters. Returns how long ago it first said so, in milliseconds. */
  refused(token: string): number {
    const now = performance.now()
    prune(this.#refused, ({ at }) => now - at < REPEATED_MS)
    const { firstAt = now } = this.#refused.get(token) ?? {}
    // The latest is the last one.
    this.#refused.delete(token)
    this.#refused.set(token, { firstAt, at: now })
    return now - firstAt
  }

  isGone(id: VolumeId): boolean {
    return isRecent(this.#goneAt.get(id))
  }

  /** Whether a token surely stands for a volume that is gone. */
  isSpent(token: string): boolean {
    const made = this.#madeBy.get(token)
    return made !== undefined && isRecent(made.at) && this.isGone(made.id)
  }
}

function isRecent(at: number | undefined): boolean {
  return at !== undefined && performance.now() - at < KEPT_MS
}

/** Takes out the oldest as far as they count no more. */
function prune<T>(kept: Map<string, T>, counts: (one: T) => boolean): void {
  for (const [key, one] of kept) {
    if (counts(one)) return
    kept.delete(key)
  }
}
