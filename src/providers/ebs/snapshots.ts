import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  type Snapshot as Ec2Snapshot,
} from '@aws-sdk/client-ec2'
import type { SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type { Snapshot, SnapshotQuery } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import { asStorageError, isUnknownOutcome } from './errors.ts'
import {
  labelsOf,
  literal,
  nameOf,
  nameTag,
  scopeFilters,
  type TagScope,
  tagsOfNew,
} from './tags.ts'

const PAGE = 1_000
/** How far EC2's clocks may differ, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 5_000

/** Snapshots of EBS in this account. */
export function ec2Snapshots(ec2: Ec2, scope: TagScope): SnapshotDriver {
  return {
    async list(query = {}, { signal } = {}) {
      try {
        return (await pages(ec2, query, scope, signal)).map((seen) => toSnapshot(seen, scope))
      } catch (error) {
        throw asStorageError(error, { subject: 'snapshots', action: 'ec2:DescribeSnapshots' })
      }
    },
    async create(volumeId, spec, { signal } = {}) {
      const begun = performance.now()
      try {
        const made = await ec2.send(
          new CreateSnapshotCommand({
            VolumeId: volumeId,
            TagSpecifications: [{ ResourceType: 'snapshot', Tags: tagsOfNew(scope, spec) }],
          }),
          signal,
        )
        return toSnapshot(made, scope)
      } catch (error) {
        if (isUnknownOutcome(error)) {
          // EC2 has no token for it: what such a request took must be seen.
          const all = await pages(ec2, { name: spec.name, volumeId }, scope, signal)
          // EC2's answer says what time it is there.
          const since = ec2.clock.now() - (performance.now() - begun) - CLOCK_DIFFERENCE_MS
          const taken = all.find(({ StartTime }) => (StartTime?.getTime() ?? 0) >= since)
          if (taken !== undefined) return toSnapshot(taken, scope)
        }
        const subject = `snapshot ${JSON.stringify(spec.name)} of ${volumeId}`
        throw asStorageError(error, { subject, action: 'ec2:CreateSnapshot' })
      }
    },
    async remove(id, { signal } = {}) {
      try {
        await ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }), signal)
      } catch (error) {
        throw asStorageError(error, { subject: `snapshot ${id}`, action: 'ec2:DeleteSnapshot' })
      }
    },
  }
}

async function pages(
  ec2: Ec2,
  { name, volumeId }: SnapshotQuery,
  scope: TagScope,
  signal: AbortSignal | undefined,
): Promise<readonly Ec2Snapshot[]> {
  const filters = [
    ...(name === undefined ? [] : [{ Name: 'tag:Name', Values: [literal(nameTag(scope, name))] }]),
    ...(volumeId === undefined ? [] : [{ Name: 'volume-id', Values: [volumeId] }]),
    ...scopeFilters(scope),
  ]
  const found: Ec2Snapshot[] = []
  let token: string | undefined
  do {
    const { Snapshots = [], NextToken } = await ec2.send(
      new DescribeSnapshotsCommand({
        OwnerIds: ['self'],
        ...(filters.length > 0 && { Filters: filters }),
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

function toSnapshot(seen: Ec2Snapshot, scope: TagScope): Snapshot {
  const tags = seen.Tags ?? []
  const states = { pending: 'pending', completed: 'complete' } as const
  const { State = '' } = seen
  return {
    id: seen.SnapshotId ?? '',
    name: nameOf(scope, tags),
    volumeId: seen.VolumeId ?? '',
    sizeGiB: seen.VolumeSize ?? 0,
    state: State === 'pending' || State === 'completed' ? states[State] : 'error',
    createdAt: seen.StartTime ?? new Date(0),
    labels: labelsOf(tags),
  }
}
