import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import { AlreadyExistsError, volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { literal, nameTag, scopeFilters, type TagScope } from './tags.ts'
import type { TokenMemory } from './token-memory.ts'
import { isLiving } from './volume.ts'
import { foundWithin } from './waits.ts'

/** A volume made a moment ago may not show by its name yet. */
const PACE = { firstMs: 0, nextMs: 1_000, maxMs: 2_000 }

/** What a name is looked for with. */
export interface NameContext {
  readonly lookUps: VolumeLookUps
  readonly scope: TagScope
  readonly tokens: TokenMemory
  /** What all pauses are multiplied by. */
  readonly pace: number
}

/** A name, and where it is to be free. */
export interface PlacedName {
  readonly name: string
  readonly zone: string
}

/** The living volume of a name as soon as EC2 shows it; undefined where it shows none after so many milliseconds. */
export function namesakeWithin(
  { lookUps, scope, tokens, pace }: NameContext,
  { name, zone }: PlacedName,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | undefined> {
  const look = async () => {
    const filters = [
      { Name: 'tag:Name', Values: [literal(nameTag(scope, name))] },
      { Name: 'availability-zone', Values: [zone] },
      ...scopeFilters(scope),
    ]
    const named = await lookUps.matching(filters, signal)
    return named.find((one) => isLiving(one) && !tokens.isGone(one.VolumeId ?? ''))
  }
  return foundWithin(look, PACE, { timeoutMs: ms * pace, pace }, signal)
}

/** The refusal of a name that a volume has already. */
export function takenName(
  name: string,
  { VolumeId }: Ec2Volume,
  cause?: unknown,
): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as ${VolumeId}`,
    remedy: 'use it, or choose another name',
    cause,
  })
}
