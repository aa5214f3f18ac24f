import { FailedPreconditionError, volumeNamed } from './errors.ts'
import type { Volume } from './types.ts'

/** Where a volume is to be made. Both are absent where the platform has no zones. */
export interface ZoneToMakeIn {
  /** The zone of this machine. */
  readonly machine?: string | undefined
  /** The zone that was asked for, which says that namesakes in others are no mistake. */
  readonly asked?: string | undefined
}

/** Whether a volume lies where one is to be made. */
export function isInZone({ zone }: Volume, { machine, asked }: ZoneToMakeIn): boolean {
  const wanted = asked ?? machine
  return zone === undefined || wanted === undefined || zone === wanted
}

/** Refuses a namesake in another zone, unless a zone was asked for: an empty volume beside the real one looks like data loss. */
export function refuseElsewhere(
  volumes: readonly Volume[],
  { machine, asked }: ZoneToMakeIn,
): void {
  const [elsewhere] = volumes
  if (elsewhere === undefined || asked !== undefined) return
  throw new FailedPreconditionError({
    subject: volumeNamed(elsewhere.name),
    problem: `exists as ${elsewhere.id} in ${elsewhere.zone}, where this machine in ${machine} cannot use it`,
    remedy: 'use another name, move it there, or say availabilityzone to have another one here',
  })
}

/** The only one of these volumes, which all have the name. Throws `FailedPreconditionError` that lists them where there are more. */
export function theOne(name: string, volumes: readonly Volume[]): Volume | undefined {
  const [only, ...others] = volumes
  if (others.length === 0) return only
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

/** Those whose name differs in letter case at most. */
export function alike(name: string, volumes: Iterable<Volume>): readonly Volume[] {
  const folded = name.toLowerCase()
  return [...volumes].filter((volume) => volume.name.toLowerCase() === folded)
}
