import {
  DescribeSnapshotsCommand,
  type Snapshot as Ec2Snapshot,
  type Filter,
} from '@aws-sdk/client-ec2'
import type { Snapshot, SnapshotId, SnapshotQuery, VolumeId } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import {
  COPY_OF_TAG,
  labelsOf,
  literal,
  MANAGED_TAG,
  nameOf,
  nameTag,
  scopeFilters,
  type TagScope,
  tagValue,
  VOLUME_TAG,
} from './tags.ts'

const PAGE = 1_000

/** Where snapshots are looked for: EC2 of one region, and whose they are there. */
export interface SnapshotPlace {
  readonly ec2: Pick<Ec2, 'send'>
  readonly scope: TagScope
}

/** The snapshots that fit a query. Those of one volume cost two calls: EC2 does not know of which one a copy is. */
export async function queriedSnapshots(
  place: SnapshotPlace,
  { volumeId, ...query }: SnapshotQuery,
  signal: AbortSignal | undefined,
): Promise<readonly Ec2Snapshot[]> {
  if (volumeId === undefined) return await matching(place, named(place.scope, query), signal)
  const filters = [
    { Name: `tag:${VOLUME_TAG}`, Values: [literal(volumeId)] },
    ...named(place.scope, query),
  ]
  const both = [
    snapshotsTaken(place, { ...query, volumeId }, signal),
    matching(place, filters, signal),
  ]
  return (await Promise.all(both)).flat()
}

/** The snapshots of a volume that are no copies, by one call. */
export async function snapshotsTaken(
  place: SnapshotPlace,
  { volumeId, ...query }: SnapshotQuery & { readonly volumeId: VolumeId },
  signal: AbortSignal | undefined,
): Promise<readonly Ec2Snapshot[]> {
  const filters = [{ Name: 'volume-id', Values: [volumeId] }, ...named(place.scope, query)]
  const found = await matching(place, filters, signal)
  return found.filter(({ Tags = [] }) => tagValue(Tags, VOLUME_TAG) === undefined)
}

/** The copies of this name that were made of a snapshot, in whatever state. */
export async function copiesMade(
  place: SnapshotPlace,
  { id, name }: { readonly id: SnapshotId; readonly name: string },
  signal: AbortSignal | undefined,
): Promise<readonly Ec2Snapshot[]> {
  const filters = [
    { Name: `tag:${COPY_OF_TAG}`, Values: [literal(id)] },
    ...scopeFilters(place.scope),
  ]
  const wanted = nameTag(place.scope, name)
  const found = await matching(place, filters, signal)
  return found.filter(({ Tags = [] }) => (tagValue(Tags, 'Name') ?? '') === wanted)
}

/** The snapshot of this id; undefined where EC2 shows none of ours. */
export async function snapshotById(
  { ec2 }: Pick<SnapshotPlace, 'ec2'>,
  id: SnapshotId,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot | undefined> {
  // As a filter, since what is no id at all is an error in a list.
  const [found] = await matching({ ec2 }, [{ Name: 'snapshot-id', Values: [literal(id)] }], signal)
  return found
}

/** The volume that a snapshot was taken of; a copy, that its original was: what EC2 says of a copy means nothing. */
export function volumeOf({ Tags = [], VolumeId = '' }: Ec2Snapshot): VolumeId {
  return tagValue(Tags, VOLUME_TAG) ?? VolumeId
}

/** A snapshot of EC2 as the core knows snapshots. */
export function toSnapshot(seen: Ec2Snapshot, scope: TagScope): Snapshot {
  const tags = seen.Tags ?? []
  const states = { pending: 'pending', completed: 'complete' } as const
  const { State = '' } = seen
  const copyOf = tagValue(tags, COPY_OF_TAG)
  return {
    id: seen.SnapshotId ?? '',
    name: nameOf(scope, tags),
    volumeId: volumeOf(seen),
    sizeGiB: seen.VolumeSize ?? 0,
    state: State === 'pending' || State === 'completed' ? states[State] : 'error',
    createdAt: seen.StartTime ?? new Date(0),
    labels: labelsOf(tags),
    ...(copyOf !== undefined && { copyOf }),
    ...(isOurs(seen, scope) ? {} : { foreign: true }),
  }
}

/** Whether this program made it, and for services of this scope. */
function isOurs({ Tags = [] }: Ec2Snapshot, scope: TagScope): boolean {
  const isNamed = scope.prefix === '' || nameOf(scope, Tags) !== ''
  return isNamed && tagValue(Tags, MANAGED_TAG) === 'true'
}

function named(scope: TagScope, { name }: Pick<SnapshotQuery, 'name'>): Filter[] {
  return [
    ...(name === undefined ? [] : [{ Name: 'tag:Name', Values: [literal(nameTag(scope, name))] }]),
    ...scopeFilters(scope),
  ]
}

async function matching(
  { ec2 }: Pick<SnapshotPlace, 'ec2'>,
  filters: readonly Filter[],
  signal: AbortSignal | undefined,
): Promise<readonly Ec2Snapshot[]> {
  const found: Ec2Snapshot[] = []
  let token: string | undefined
  do {
    const { Snapshots = [], NextToken } = await ec2.send(
      new DescribeSnapshotsCommand({
        OwnerIds: ['self'],
        ...(filters.length > 0 && { Filters: [...filters] }),
        MaxResults: PAGE,
        ...(token && { NextToken: token }),
      }),
      signal,
    )
    found.push(...Snapshots)
    token = NextToken || undefined
  } while (token !== undefined)
  return found
}
