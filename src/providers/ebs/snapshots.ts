import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  type Snapshot as Ec2Snapshot,
} from '@aws-sdk/client-ec2'
import { UnavailableError } from '../../libstorage/errors.ts'
import type { SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type { VolumeId } from '../../libstorage/types.ts'
import { asStorageError, ec2Code, isUnknownOutcome, saidIn } from './errors.ts'
import { askUntil } from './patience.ts'
import { type CopyContext, copySnapshot } from './snapshot-copies.ts'
import { queriedSnapshots, snapshotsTaken, toSnapshot } from './snapshot-look-ups.ts'
import { HIDDEN_SNAPSHOT } from './snapshot-twins.ts'
import { tagsOfNew } from './tags.ts'

/** How far EC2's clocks may differ, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 5_000
const ACTION = 'ec2:CreateSnapshot'

/** Snapshots of EBS in this account. */
export function ec2Snapshots(context: CopyContext): SnapshotDriver {
  const { ec2, scope } = context
  return {
    async list(query = {}, { signal } = {}) {
      try {
        const found = await queriedSnapshots(context, query, signal)
        return found.map((seen) => toSnapshot(seen, scope))
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
    async copy(id, spec, { signal } = {}) {
      return toSnapshot(await copySnapshot(context, id, spec, signal), scope)
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
  context: CopyContext,
  query: { readonly name: string; readonly volumeId: VolumeId },
  begun: number,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot | undefined> {
  const { ec2 } = context
  const look = async () => {
    const all = await snapshotsTaken(context, query, signal)
    // EC2's answer says what time it is there.
    const since = ec2.clock.now() - (performance.now() - begun) - CLOCK_DIFFERENCE_MS
    return all.find(({ StartTime }) => (StartTime?.getTime() ?? 0) >= since)
  }
  try {
    return await askUntil(look, HIDDEN_SNAPSHOT, context, signal)
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
