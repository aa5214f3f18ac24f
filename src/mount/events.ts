/** What happened to a volume, as `events.jsonl` names it. */
export type EventKind =
  | 'created'
  | 'attached'
  | 'formatted'
  | 'checked'
  | 'grown'
  | 'mounted'
  | 'reference'
  | 'unmounted'
  | 'detached'
  | 'removed'
  | 'taken-over'
  | 'lost'
  | 'adopted'
  | 'failed'

/** One line of the record that is kept of every volume. */
export interface VolumeEvent {
  readonly kind: EventKind
  readonly service: string
  readonly volume: string
  readonly volumeId?: string
  /** This machine as its platform names it, where it is known; the other one where a volume is taken over or lost. */
  readonly instance?: string | undefined
  readonly holder?: string
  readonly durationMs?: number
  /** Why: the message of what failed, or what led to it. */
  readonly cause?: string
}

/** How long what began then, by `performance.now`, has taken, in whole milliseconds. */
export function tookMs(begun: number): number {
  return Math.round(performance.now() - begun)
}

/** Where events go. Recording never fails the operation that it records. */
export interface EventSink {
  record(event: VolumeEvent): void
}
