import { DeleteSnapshotCommand, type Snapshot as Ec2Snapshot } from '@aws-sdk/client-ec2'
import type { Ec2 } from './ec2.ts'
import { ec2Code, isUnknownOutcome } from './errors.ts'
import { askUntil, type Tempo } from './patience.ts'
import { snapshotById } from './snapshot-look-ups.ts'

/**
 * How long EC2 may not show a snapshot that it has made, in milliseconds. The volume of a new one may stand still meanwhile,
 * which lasts no longer than 30 s.
 */
export const HIDDEN_SNAPSHOT = { forMs: 10_000, nextMs: 500, maxMs: 2_000 }
/** For how long EC2 may still show one that is deleted: what it shows at both ends of this is there. */
const DELETED = { forMs: 5_000, nextMs: 5_000, maxMs: 5_000 }

/** What copies of one snapshot and one name are told apart with. */
export interface TwinContext extends Tempo {
  readonly ec2: Ec2
}

/** A copy that was made here a moment ago. */
export interface NewCopy {
  readonly made: Ec2Snapshot
  /** All that were made since, here or elsewhere, as EC2 shows them. */
  readonly since: () => Promise<readonly Ec2Snapshot[]>
}

/**
 * What was made here, as EC2 shows it, unless another one was made at the same time: all keep the first of them, and who
 * made another one removes it.
 */
export async function amongTwins(
  context: TwinContext,
  { made, since }: NewCopy,
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot> {
  const isMine = ({ SnapshotId }: Ec2Snapshot) => SnapshotId === made.SnapshotId
  const look = async () => {
    const all = await since()
    return all.some(isMine) ? all : undefined
  }
  const shown = await unlessHidden(() => askUntil(look, HIDDEN_SNAPSHOT, context, signal))
  const mine = shown?.find(isMine)
  if (shown === undefined || mine === undefined) return made
  if (!isLiving(mine)) return mine
  const older = shown.filter((one) => !isMine(one) && isBefore(one, mine))
  const first = await unlessHidden(() => standing(context, older, signal))
  if (first === undefined) return mine
  await discard(context, mine)
  return first
}

/** The first that was made since, whoever made it; undefined where EC2 shows none. */
export async function firstSince(
  context: TwinContext,
  since: NewCopy['since'],
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot | undefined> {
  const look = async () => inOrder(await since())[0]
  return await unlessHidden(() => askUntil(look, HIDDEN_SNAPSHOT, context, signal))
}

/** The first of these that lives, and does so for longer than EC2 shows what is deleted; undefined where none does. */
export async function standing(
  context: TwinContext,
  all: readonly Ec2Snapshot[],
  signal: AbortSignal | undefined,
): Promise<Ec2Snapshot | undefined> {
  for (const { SnapshotId = '' } of inOrder(all)) {
    const look = () => snapshotById(context, SnapshotId, signal)
    const until = (seen: Ec2Snapshot | undefined) => seen === undefined || !isLiving(seen)
    const seen = await askUntil(look, { ...DELETED, until }, context, signal)
    if (seen !== undefined && isLiving(seen)) return seen
  }
  return undefined
}

/** Removes a copy that was made here a moment ago and that nobody knows of. Resolves with whether that was done. */
export async function discard({ ec2 }: TwinContext, { SnapshotId }: Ec2Snapshot): Promise<boolean> {
  return await ec2.send(new DeleteSnapshotCommand({ SnapshotId })).then(
    () => true,
    () => false,
  )
}

/** Whether a snapshot is whole, or will be. */
export function isLiving({ State }: Ec2Snapshot): boolean {
  return State === 'pending' || State === 'completed'
}

/** Those that live, in the order in which all machines see them, so that all keep the same one. */
function inOrder(all: readonly Ec2Snapshot[]): Ec2Snapshot[] {
  return all.filter(isLiving).toSorted((one, other) => (isBefore(one, other) ? -1 : 1))
}

function isBefore(one: Ec2Snapshot, other: Ec2Snapshot): boolean {
  const at = one.StartTime?.getTime() ?? 0
  const otherAt = other.StartTime?.getTime() ?? 0
  return at === otherAt ? (one.SnapshotId ?? '') < (other.SnapshotId ?? '') : at < otherAt
}

/** What EC2 does not let see may be there all the same: undefined. */
async function unlessHidden<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (ec2Code(error) !== undefined || isUnknownOutcome(error)) return undefined
    throw error
  }
}
