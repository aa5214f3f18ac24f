import type { Tag } from '@aws-sdk/client-ec2'

/** What every resource that this program makes carries. */
export const MANAGED_TAG = 'remora/managed'
/** Which snapshot a copy was made of. */
export const COPY_OF_TAG = 'remora/copy-of'
/** Which volume the original of a copy was taken of. */
export const VOLUME_TAG = 'remora/volume'
const OWN_TAGS: ReadonlySet<string> = new Set([MANAGED_TAG, COPY_OF_TAG, VOLUME_TAG])
/** What the small facts kept with a volume begin with. */
const LABEL_PREFIX = 'remora/'
/** The tag by which REX-Ray 0.3 marked the volumes of one installation. */
const REXRAY_SET_TAG = 'rexraySet'

/** How volumes are named and marked in an account that others use too. */
export interface TagScope {
  /** `x`: names are kept as `x/name`, and only such volumes are seen; empty for none. */
  readonly prefix: string
  /** Only volumes with `rexraySet` of this value are seen, and new ones get it; empty for none. */
  readonly rexraySet: string
}

/** The `Name` tag of a volume of this name. */
export function nameTag({ prefix }: TagScope, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`
}

/** The name of a volume by its `Name` tag; empty where it has none, or one of another prefix. */
export function nameOf({ prefix }: TagScope, tags: readonly Tag[]): string {
  const tag = tagValue(tags, 'Name') ?? ''
  if (prefix === '') return tag
  return tag.startsWith(`${prefix}/`) ? tag.slice(prefix.length + 1) : ''
}

/** All tags of something new, given in the very call that makes it, so that nothing of ours is ever without them. */
export function tagsOfNew(
  scope: TagScope,
  made: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly tags?: Readonly<Record<string, string>> | undefined
    /** What a copy of a snapshot is one of. */
    readonly copyOf?: { readonly snapshotId: string; readonly volumeId: string }
  },
): Tag[] {
  const labels = Object.entries(made.labels).map(([key, value]) => [LABEL_PREFIX + key, value])
  const set = scope.rexraySet === '' ? [] : [[REXRAY_SET_TAG, scope.rexraySet]]
  const { copyOf } = made
  const all = new Map([
    ...Object.entries(made.tags ?? {}),
    ...set.map(([key = '', value = '']) => [key, value] as const),
    ...labels.map(([key = '', value = '']) => [key, value] as const),
    ...(copyOf === undefined
      ? []
      : [[COPY_OF_TAG, copyOf.snapshotId] as const, [VOLUME_TAG, copyOf.volumeId] as const]),
    [MANAGED_TAG, 'true'] as const,
    ['Name', nameTag(scope, made.name)] as const,
  ])
  return [...all].map(([Key, Value]) => ({ Key, Value }))
}

/** The small facts that were kept with something. */
export function labelsOf(tags: readonly Tag[]): Record<string, string> {
  const labels = tags.flatMap(({ Key = '', Value = '' }) =>
    Key.startsWith(LABEL_PREFIX) && !OWN_TAGS.has(Key)
      ? [[Key.slice(LABEL_PREFIX.length), Value]]
      : [],
  )
  return Object.fromEntries(labels)
}

/** The value of a tag, or undefined. Tag keys are case-sensitive. */
export function tagValue(tags: readonly Tag[], key: string): string | undefined {
  return tags.find(({ Key }) => Key === key)?.Value
}

/** The filter for the marks of this scope, where it has one. */
export function scopeFilters({ rexraySet }: TagScope): { Name: string; Values: string[] }[] {
  return rexraySet === '' ? [] : [{ Name: `tag:${REXRAY_SET_TAG}`, Values: [literal(rexraySet)] }]
}

/** A text as a value of a filter, in which EC2 reads `*`, `?` and the backslash as patterns. */
export function literal(text: string): string {
  return text.replace(/[\\*?]/g, '\\$&')
}
