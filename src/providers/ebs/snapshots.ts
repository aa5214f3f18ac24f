import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  type Snapshot as Ec2Snapshot,
} from '@aws-sdk/client-ec2'
import { UnavailableError } from '../../libstorage/errors.ts'
import type { SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type { Snapshot, SnapshotQuery } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import { asStorageError, ec2Code, isUnknownOutcome, saidIn } from './errors.ts'
import { askUntil, type Tempo } from './patience.ts'
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
/** How long EC2 may not show a new one. Its volume may stand still meanwhile, which lasts no longer than 30 s. */
const HIDDEN = { forMs: 10_000, nextMs: 500, maxMs: 2_000 }
const ACTION = 'ec2:CreateSnapshot'

/** What taking snapshots works with. */
export interface SnapshotContext extends Tempo {
  readonly ec2: Ec2
  readonly scope: TagScope
}

/** Snapshots of EBS in this account. */
export function ec2Snapshots(context: SnapshotContext): SnapshotDriver {
  const { ec2, scope } = context
  return {
    async list(query = {}, { signal } = {}) {
      try {
        return (await pages(ec2, query, scope, signal)).map((seen) => toSnapshot(seen, scope))
      } catch (error) {
        throw asStorageError(error, {
          subject: 'the list of snapshots',
          action: 'ec2:DescribeSnapshots',
        })
      }
    },
    async create(volumeId, spec, { signal } = {}) {
      const begun = performance.now()
      const subject = `snapshot ${JSON.stringify(spec.name)} of ${volumeId}`
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
        if (!isUnknownOutcome(error)) throw asStorageError(error, { subject, action: ACTION })
        const taken = await takenSince(context, { name: spec.name, volumeId }, begun, signal)
        if (taken === undefined) throw perhapsTaken(subject, error)
        return toSnapshot(taken, scope)
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

/** EC2 has no token for a snapshot: what a request took whose answer was lost has to be seen. Rejects when its caller leaves. */
async function takenSince(
  context: SnapshotContext,
  query: SnapshotQuery,
  begun: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot | undefined> {
  const { ec2, scope } = context
  const look = async () => {
    const all = await pages(ec2, query, scope, signal)
    // EC2's answer says what time it is there.
    const since = ec2.clock.now() - (performance.now() - begun) - CLOCK_DIFFERENCE_MS
    return all.find(({ StartTime }) => (StartTime?.getTime() ?? 0) >= since)
  }
  try {
    return await askUntil(look, HIDDEN, context, signal)
  } catch (error) {
    // What EC2 refuses to show may be there.
    if (ec2Code(error) !== undefined || isUnknownOutcome(error)) return undefined
    throw error
  }
}

function perhapsTaken(subject: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject,
    problem: `may have been taken: EC2 did not say so (${ACTION}: ${saidIn(cause)})`,
    remedy: 'look whether it is there before you try again',
    cause,
  })
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
