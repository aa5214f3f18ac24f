import type { RecordedEvent } from '../src/mount/event-log.ts'

/** What one machine recorded. */
export interface NodeHistory {
  readonly name: string
  readonly events: readonly RecordedEvent[]
}

/** From when to when, in milliseconds since 1970. */
type Span = readonly [from: number, to: number]

/** A volume at a node, in milliseconds since 1970. */
export interface Holding {
  readonly node: string
  readonly volume: string
  readonly from: number
  readonly to: number
  /** When it was mounted there. */
  readonly mounted: readonly Span[]
}

/**
 * Which node had which volume when: a volume is at one node at most, so that it leaves one when another gets it. What nothing
 * has ended goes on to `until`, in milliseconds since 1970.
 */
export function holdings(nodes: readonly NodeHistory[], until: number): Holding[] {
  const all = nodes
    .flatMap(({ name, events }) =>
      events.map(({ time, kind, volume }) => ({ node: name, at: Date.parse(time), kind, volume })),
    )
    .sort((one, other) => one.at - other.at)
  const volumes = [...new Set(all.map(({ volume }) => volume))]
  return volumes
    .flatMap((volume) => {
      const course = new Course(volume)
      for (const event of all) if (event.volume === volume) course.note(event)
      return course.endedBy(until)
    })
    .sort((one, other) => one.from - other.from)
}

interface Noted {
  readonly node: string
  readonly at: number
  readonly kind: string
}

/** One volume on its way from node to node. */
class Course {
  readonly #volume: string
  readonly #ended: Holding[] = []
  #stay: { readonly node: string; readonly from: number; readonly mounted: Span[] } | undefined
  #mountedAt: number | undefined

  constructor(volume: string) {
    this.#volume = volume
  }

  note({ node, at, kind }: Noted): void {
    const isHere = this.#stay?.node === node
    switch (kind) {
      case 'attached':
      case 'mounted':
        if (!isHere) this.#arrive(node, at)
        if (kind === 'mounted') this.#mountedAt ??= at
        break
      case 'taken-over':
        if (!isHere) this.#leave(at)
        break
      case 'unmounted':
        if (isHere) this.#unmount(at)
        break
      case 'detached':
      case 'lost':
        if (isHere) this.#leave(at)
    }
  }

  /** All its stays, of which the last one goes to this time if nothing has ended it. */
  endedBy(at: number): readonly Holding[] {
    this.#leave(at)
    return this.#ended
  }

  #arrive(node: string, at: number): void {
    this.#leave(at)
    this.#stay = { node, from: at, mounted: [] }
  }

  #unmount(at: number): void {
    if (this.#mountedAt !== undefined) this.#stay?.mounted.push([this.#mountedAt, at])
    this.#mountedAt = undefined
  }

  #leave(to: number): void {
    if (this.#stay === undefined) return
    this.#unmount(to)
    this.#ended.push({ ...this.#stay, volume: this.#volume, to })
    this.#stay = undefined
  }
}
