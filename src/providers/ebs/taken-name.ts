import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2'
import { AlreadyExistsError, volumeNamed } from '../../libstorage/errors.ts'
import type { VolumeLookUps } from './look-ups.ts'
import { askUntil, type Tempo } from './patience.ts'
import { literal, nameTag, scopeFilters, type TagScope } from './tags.ts'
import type { TokenMemory } from './token-memory.ts'
import { isLiving } from './volume.ts'

/** A volume made a moment ago may not show by its name yet. */
const PACE = { nextMs: 1_000, maxMs: 2_000 }

/** What a name is looked for with. */
export interface NameContext extends Tempo {
  readonly lookUps: VolumeLookUps
  readonly scope: TagScope
  readonly tokens: TokenMemory
}

/** A name, and where it is to be free. */
export interface PlacedName {
  readonly name: string
  readonly zone: string
}

/** The living volume of a name as soon as EC2 shows it; undefined where it shows none after so many milliseconds. */
export function namesakeWithin(
  context: NameContext,
  { name, zone }: PlacedName,
  forMs: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Volume | undefined> {
  const { lookUps, scope, tokens } = context
  const look = async () => {
    const filters = [
      { Name: 'tag:Name', Values: [literal(nameTag(scope, name))] },
      { Name: 'availability-zone', Values: [zone] },
      ...scopeFilters(scope),
    ]
    const named = await lookUps.matching(filters, signal)
    return named.find((one) => isLiving(one) && !tokens.isGone(one.VolumeId ?? ''))
  }
  return askUntil(look, { ...PACE, forMs }, context, signal)
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
