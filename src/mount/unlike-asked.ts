import { NEW_FILE_SYSTEMS } from '../libstorage/file-system.ts'
import type { Volume, VolumeWish } from '../libstorage/types.ts'
import type { MountSettings } from './settings.ts'
import { readVolumeOptions } from './volume-options.ts'

/**
 * In what a volume is not as the options of a Create ask, each as a clause: `size is 1 where 7 was asked for`. What an
 * option says that means nothing on the platform, and what a platform never tells of its volumes, is not compared;
 * encryption always is: who asked for it would believe to have it.
 */
export function unlikeAsked(
  existing: Volume,
  options: Readonly<Record<string, string>>,
  { default: defaults }: MountSettings['create'],
  wishes: ReadonlySet<VolumeWish>,
): readonly string[] {
  const { sizeGiB, type, iops, zone, encrypted = false, labels } = existing
  const fsType = NEW_FILE_SYSTEMS.find((name) => name === labels['fstype']) ?? defaults.fsType
  // With its own facts for what is not said, all that differs was asked for.
  const own = { sizeGiB, type, iops, availabilityZone: zone, fsType }
  const { from, ...asked } = readVolumeOptions(options, own)
  const isWished = (wish: VolumeWish) => wishes.has(wish)
  const facts: readonly (readonly [name: string, is: Fact, asked: Fact])[] = [
    ...(from?.isSized === false ? [] : [['size', sizeGiB, asked.sizeGiB] as const]),
    ...(isWished('type') ? [['type', type, asked.type] as const] : []),
    ...(isWished('iops') ? [['iops', iops, asked.iops] as const] : []),
    ...(isWished('zone') ? [['availabilityZone', zone, asked.zone] as const] : []),
    ['encrypted', encrypted, asked.encrypted ?? encrypted],
    ...Object.entries(asked.labels).map(
      ([name, text]) => [name, name === 'fstype' ? fsType : labels[name], text] as const,
    ),
    ...(from === undefined
      ? []
      : [['its source', madeFromOf(existing), `a ${from.kind}`] as const]),
  ]
  return facts
    .filter(([, is, wanted]) => is !== wanted)
    .map(([name, is, wanted]) => `${name} is ${is ?? 'not set'} where ${wanted} was asked for`)
}

type Fact = string | number | boolean | undefined

function madeFromOf({ madeFrom }: Volume): string {
  return madeFrom === undefined ? 'nothing' : `a ${madeFrom}`
}
