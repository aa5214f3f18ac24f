import { CopySnapshotCommand, type Snapshot as Ec2Snapshot } from '@aws-sdk/client-ec2'
import {
  FailedPreconditionError,
  NotFoundError,
  UnavailableError,
} from '../../libstorage/errors.ts'
import type { SnapshotCopySpec, SnapshotId } from '../../libstorage/types.ts'
import type { Ec2 } from './ec2.ts'
import { asStorageError, isUnknownOutcome, saidIn } from './errors.ts'
import type { MachineIdentity } from './identity.ts'
import { copiesMade, snapshotById, volumeOf } from './snapshot-look-ups.ts'
import {
  amongTwins,
  discard,
  firstSince,
  isLiving,
  standing,
  type TwinContext,
} from './snapshot-twins.ts'
import { type TagScope, tagsOfNew } from './tags.ts'

const ACTION = 'ec2:CopySnapshot'

/** What copying snapshots works with. */
export interface CopyContext extends TwinContext {
  readonly scope: TagScope
  readonly identity: Pick<MachineIdentity, 'own'>
  /** EC2 of another region, for whoever asks to close. Rejects with `InvalidArgumentError` for one that cannot be had. */
  readonly elsewhere: (region: string) => Promise<Ec2>
}

/** What is copied, and what the copy shall be. */
interface Wanted {
  readonly original: Ec2Snapshot
  readonly id: SnapshotId
  readonly spec: SnapshotCopySpec
  /** The region of the original. */
  readonly from: string
  /** Whether the copy is made in the same region. */
  readonly staysHere: boolean
  /** The copy, as messages begin. */
  readonly subject: string
}

/**
 * Copies a snapshot, into another region where the spec says so. A copy of the same name that an earlier call made of it, or
 * that another machine makes at this moment, is that copy: EC2 has no token that would make one of two requests.
 */
export async function copySnapshot(
  context: CopyContext,
  id: SnapshotId,
  spec: SnapshotCopySpec,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot> {
  const { region: from } = await context.identity.own()
  const { region = from } = spec
  const staysHere = region === from
  const there = staysHere ? context.ec2 : await context.elsewhere(region)
  try {
    const original = await requireOriginal(context, id, signal)
    const to = staysHere ? '' : ` in ${region}`
    const subject = `the copy ${JSON.stringify(spec.name)} of snapshot ${id}${to}`
    const wanted = { original, id, spec, from, staysHere, subject }
    return await oneCopy({ ...context, ec2: there }, wanted, signal)
  } finally {
    if (!staysHere) await there.close()
  }
}

async function requireOriginal(
  context: CopyContext,
  id: SnapshotId,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot> {
  const subject = `snapshot ${id}`
  const found = await looked(subject, () => snapshotById(context, id, signal))
  if (found === undefined) throw new NotFoundError(subject)
  const { State = '', Progress = '' } = found
  if (State === 'completed') return found
  throw new FailedPreconditionError({
    subject,
    problem:
      State === 'pending'
        ? `is not complete yet (${Progress || 'pending'})`
        : `is in state ${State} on EBS`,
    remedy:
      State === 'pending'
        ? 'copy it when its status is complete'
        : 'copy another one, and remove it',
  })
}

/** The copy that is there, or else a new one. `context.ec2` is that of where it is made. */
async function oneCopy(
  context: CopyContext,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot> {
  const { id, spec, subject } = wanted
  const all = () => copiesMade(context, { id, name: spec.name }, signal)
  const before = await looked(subject, all)
  const earlier = await looked(subject, () => standing(context, before, signal))
  if (earlier !== undefined) return earlier
  const known = new Set(before.map(({ SnapshotId }) => SnapshotId))
  const since = async () => (await all()).filter(({ SnapshotId }) => !known.has(SnapshotId))
  const made = await requestCopy(context, wanted, signal).catch((error: unknown) => ({ error }))
  if (!('error' in made)) {
    const kept = await amongTwins(context, { made, since }, signal)
    if (!isLiving(kept)) throw await givenUp(context, wanted, kept)
    return kept
  }
  const { error } = made
  if (!isUnknownOutcome(error)) throw asStorageError(error, { subject, action: ACTION })
  // Whose it is that is found, is open, so that none is removed; all hold the same.
  const found = await firstSince(context, since, signal)
  if (found === undefined) throw perhapsMade(subject, error)
  return found
}

/** Has EC2 make the copy. Rejects with EC2's own error. */
async function requestCopy(
  { ec2, scope }: CopyContext,
  wanted: Wanted,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot> {
  const { original, id, spec, from } = wanted
  const copyOf = { snapshotId: id, volumeId: volumeOf(original) }
  const Tags = tagsOfNew(scope, { ...spec, copyOf })
  const { SnapshotId = '' } = await ec2.send(
    new CopySnapshotCommand({
      SourceRegion: from,
      SourceSnapshotId: id,
      Description: `copy of ${id} in ${from}`,
      TagSpecifications: [{ ResourceType: 'snapshot', Tags }],
      ...keyOf(wanted),
    }),
    signal,
  )
  const StartTime = new Date(ec2.clock.now())
  return { SnapshotId, State: 'pending', VolumeSize: original.VolumeSize, StartTime, Tags }
}

/** A copy beside its original keeps its key, whatever the default of the account is. Another region has keys of its own. */
function keyOf({ original, staysHere }: Wanted): { Encrypted?: true; KmsKeyId?: string } {
  const { Encrypted, KmsKeyId } = original
  if (!staysHere || Encrypted !== true || !KmsKeyId) return {}
  return { Encrypted, KmsKeyId }
}

async function looked<T>(subject: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    throw asStorageError(error, { subject, action: 'ec2:DescribeSnapshots' })
  }
}

function perhapsMade(subject: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject,
    problem: `may have been made: EC2 did not say so (${ACTION}: ${saidIn(cause)})`,
    remedy: 'try again in a minute, which finds it where it was',
    cause,
  })
}

/** Keys are looked at after EC2 has accepted a copy. */
async function givenUp(
  context: CopyContext,
  { subject }: Wanted,
  copy: Ec2Snapshot,
): Promise<UnavailableError> {
  const { SnapshotId = '', StateMessage = '' } = copy
  const isGone = await discard(context, copy)
  const remedy =
    'see whether the caller may use its KMS key (kms:CreateGrant, kms:DescribeKey, kms:ReEncrypt*)'
  return new UnavailableError({
    subject,
    problem: `was accepted by EC2 as ${SnapshotId} and then given up by it${StateMessage === '' ? '' : ` (${StateMessage})`}`,
    remedy: isGone ? remedy : `${remedy}, and delete ${SnapshotId}`,
  })
}
