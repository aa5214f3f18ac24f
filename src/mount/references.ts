/** What Podman sends as the id of every Mount (podman, libpod/plugin/volume_api.go and libpod/volume_internal_linux.go). */
export const PODMAN_HOLDER = '2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2'
/** The command line's holder. */
export const COMMAND_HOLDER = 'cli'

/** Holders that count once however often they mount: they send one Unmount for all their Mounts. */
const SINGLE_HOLDERS: ReadonlySet<string> = new Set(['', PODMAN_HOLDER, COMMAND_HOLDER])

/** A holder's claim on a mounted volume. */
export interface Reference {
  readonly id: string
  /** At least 1; Docker sends a second Mount with the same id for `docker cp`. */
  readonly count: number
  /**
   * How many Mounts the caller may not know of, since no reply of theirs was delivered yet. A holder that counts once has 0
   * as soon as one reply was delivered.
   */
  readonly undelivered: number
  /** When the latest was taken, ISO 8601. */
  readonly since: string
  /** Set by the process that found it undelivered after its predecessor's end, ISO 8601. */
  readonly doubtedSince?: string | undefined
  /** How many of those undelivered were taken anew since then, each in the place of one that is doubted; absent for 0. */
  readonly repeated?: number | undefined
}

/** The references after one more Mount by this holder, which has not learned of it yet. */
export function addReference(
  references: readonly Reference[],
  id: string,
  since: string,
): readonly Reference[] {
  const present = references.find((reference) => reference.id === id)
  if (present === undefined) return [...references, { id, count: 1, undelivered: 1, since }]
  if (SINGLE_HOLDERS.has(id)) return replaceReference(references, mountedAgain(present, since))
  // A Mount whose reply was lost in a crash is repeated with the same id: the repeat takes its place.
  const { count, undelivered, doubtedSince, repeated = 0 } = present
  if (doubtedSince === undefined)
    return replaceReference(references, {
      id,
      since,
      count: count + 1,
      undelivered: undelivered + 1,
    })
  return replaceReference(references, counted({ ...present, since }, undelivered, repeated + 1))
}

/** A reference with these counts; the doubt ends when nothing is left of what was doubted. */
function counted(
  { doubtedSince, repeated: _before, ...reference }: Reference,
  undelivered: number,
  repeated: number,
): Reference {
  if (doubtedSince === undefined || undelivered <= repeated) return { ...reference, undelivered }
  const sinceThen = repeated > 0 ? { repeated } : {}
  return { ...reference, undelivered, doubtedSince, ...sinceThen }
}

/** The references after the reply of one Mount of this holder was delivered. */
export function deliverReference(
  references: readonly Reference[],
  id: string,
): readonly Reference[] {
  const present = references.find((reference) => reference.id === id)
  if (present === undefined || present.undelivered === 0) return references
  const undelivered = SINGLE_HOLDERS.has(id) ? 0 : present.undelivered - 1
  const repeated = Math.max(0, (present.repeated ?? 0) - 1)
  return replaceReference(references, counted(present, undelivered, repeated))
}

/** The references after one of this holder's is dropped; unchanged when it has none. */
export function dropReference(references: readonly Reference[], id: string): readonly Reference[] {
  const present = references.find((reference) => reference.id === id)
  if (present === undefined) return references
  if (present.count <= 1) return references.filter((reference) => reference !== present)
  const undelivered = Math.min(present.undelivered, present.count - 1)
  const repeated = Math.min(present.repeated ?? 0, undelivered)
  const left = { ...present, count: present.count - 1 }
  return replaceReference(references, counted(left, undelivered, repeated))
}

/** The references after the reply of one Mount of this holder was found not to have reached its caller. */
export function withdrawReference(
  references: readonly Reference[],
  id: string,
): readonly Reference[] {
  const present = references.find((reference) => reference.id === id)
  if (present === undefined) return references
  const undelivered = Math.max(0, present.undelivered - 1)
  const repeated = Math.max(0, (present.repeated ?? 0) - 1)
  if (!SINGLE_HOLDERS.has(id))
    return dropReference(replaceReference(references, counted(present, undelivered, repeated)), id)
  // It has learned of another Mount: what that one gave it is not taken back.
  if (present.undelivered === 0) return references
  if (undelivered === 0) return dropReference(references, id)
  return replaceReference(references, { ...present, undelivered })
}

/** The references as a new process takes them over: what was never delivered is doubted from now on. */
export function doubtUndelivered(
  references: readonly Reference[],
  now: string,
): readonly Reference[] {
  return references.map((reference) => {
    if (reference.undelivered === 0) return reference
    const { repeated: _repeated, doubtedSince = now, ...undelivered } = reference
    return { ...undelivered, doubtedSince }
  })
}

/**
 * The references where nobody was found to hold the volume, which every container that runs does: those whose Unmount may
 * never come are doubted from now on, as if no reply of theirs had been delivered.
 */
export function doubtUnheld(references: readonly Reference[], now: string): readonly Reference[] {
  return references.map(({ repeated: _repeated, ...reference }) =>
    mayBecomeStale(reference)
      ? { ...reference, undelivered: reference.count, doubtedSince: reference.doubtedSince ?? now }
      : reference,
  )
}

/** The references without those that are doubted. */
export function dropDoubted(references: readonly Reference[]): readonly Reference[] {
  return references.flatMap((reference) => {
    if (reference.doubtedSince === undefined) return [reference]
    const { id, since, undelivered, repeated = 0 } = reference
    const count = reference.count - undelivered + repeated
    return count < 1 ? [] : [{ id, since, count, undelivered: repeated }]
  })
}

/** The references after somebody was seen to use what they were doubted for. */
export function trustDoubted(references: readonly Reference[]): readonly Reference[] {
  return references.map(({ doubtedSince, repeated = 0, ...reference }) =>
    doubtedSince === undefined ? reference : { ...reference, undelivered: repeated },
  )
}

/** How long after its Mount a holder may not have taken hold of the volume yet, in milliseconds. */
const TAKING_HOLD_MS = 10_000

/**
 * Whether a reference may be stale: Docker never sends its Unmount after a crash, the others' clients count for
 * themselves. One that was taken just now is not: its container is about to use what nobody holds yet.
 */
export function mayBeStale({ id, since }: Reference, now: number = Date.now()): boolean {
  return mayBecomeStale({ id }) && takingHoldMs([{ since }], now) === 0
}

/** Whether this holder's references may ever be left over: only its kind sends no Unmount after a crash. */
export function mayBecomeStale({ id }: Pick<Reference, 'id'>): boolean {
  return !SINGLE_HOLDERS.has(id)
}

/** How long it takes until all references are old enough to be tried, in milliseconds. */
export function takingHoldMs(
  references: readonly Pick<Reference, 'since'>[],
  now: number = Date.now(),
): number {
  // A time in the future comes from a clock that was set back: it says nothing, and is not waited for.
  const ages = references.map(({ since }) => now - Date.parse(since)).filter((age) => age >= 0)
  return Math.max(0, ...ages.map((age) => TAKING_HOLD_MS - age))
}

/** How a holder is named in a message: Docker's long ids shortened. */
export function holderNamed(id: string): string {
  if (id === '') return 'a client that sends no id'
  if (id === PODMAN_HOLDER) return 'Podman'
  if (id === COMMAND_HOLDER) return 'the command line'
  return `mount id ${id.length > 12 ? id.slice(0, 12) : id}`
}

/** The reference of a holder that counts once: one Mount that it learned of is enough, those before a crash are over. */
function mountedAgain({ id, undelivered, doubtedSince }: Reference, since: string): Reference {
  if (undelivered === 0) return { id, count: 1, undelivered, since }
  return { id, count: 1, undelivered: doubtedSince === undefined ? undelivered + 1 : 1, since }
}

function replaceReference(
  references: readonly Reference[],
  changed: Reference,
): readonly Reference[] {
  return references.map((reference) => (reference.id === changed.id ? changed : reference))
}
