import { FailedPreconditionError, NotFoundError, UnsupportedError } from '../libstorage/errors.ts'
import type { SnapshotDriver } from '../libstorage/storage-driver.ts'
import type { Snapshot, SnapshotId } from '../libstorage/types.ts'
import { findByNameOrId } from './find-by-name.ts'
import type { WantedCopy } from './integration-driver.ts'
import { factsOf } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { whileQuiet } from './quiet.ts'
import { volumeNotFound } from './volume-name.ts'

/** The driver's snapshots. Throws `UnsupportedError` where it has none. */
export function requireSnapshots({ service }: MountContext): SnapshotDriver {
  const { snapshots, name } = service.driver
  if (snapshots !== undefined) return snapshots
  throw new UnsupportedError({
    subject: `service "${service.name}"`,
    problem: `has no snapshots: driver ${name} knows none`,
    remedy: 'use a service that has them',
  })
}

/** Takes a snapshot of a volume at one moment; what was synced before that is in it, also of a volume in use. */
export async function createSnapshot(
  context: MountContext,
  volumeName: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  const snapshots = requireSnapshots(context)
  const volume = await findByNameOrId(context, volumeName, signal)
  if (volume === undefined) throw volumeNotFound(volumeName)
  const take = () =>
    snapshots.create(volume.id, { name, labels: {} }, signal === undefined ? {} : { signal })
  return await context.sessions.run(factsOf(volume), 'takes a snapshot', signal, (session) =>
    whileQuiet(context, session, take),
  )
}

/** Makes another snapshot of what one holds, of the same name unless another is wanted. */
export async function copySnapshot(
  context: MountContext,
  idOrName: string,
  wanted: WantedCopy,
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  const snapshots = requireSnapshots(context)
  if (snapshots.copy === undefined) throw noCopies(context)
  const { id, name, labels, state } = await findSnapshot(context, idOrName, 'either', signal)
  if (state === 'error') throw damagedSnapshot(id)
  const spec = { name, labels, ...wanted }
  return await snapshots.copy(id, spec, signal === undefined ? {} : { signal })
}

function noCopies({ service }: MountContext): UnsupportedError {
  return new UnsupportedError({
    subject: `service "${service.name}"`,
    problem: `cannot copy snapshots: driver ${service.driver.name} does not know how`,
    remedy: 'make a volume from the snapshot, and a snapshot of that',
  })
}

/** A snapshot that can be removed, and nothing else. */
export function damagedSnapshot(id: SnapshotId): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `snapshot ${id}`,
    problem: 'is damaged',
    remedy: 'remove it, and use another',
  })
}

/** Destroys the snapshot with this id, or the one of this name. Rejects while a copy of it is under way. */
export async function removeSnapshot(
  context: MountContext,
  idOrName: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const all = await allSnapshots(context, signal)
  const { id } = theSnapshot(all, idOrName, 'either')
  const copy = all.find((one) => one.copyOf === id && one.state === 'pending')
  if (copy !== undefined) throw beingCopied(id, copy)
  await requireSnapshots(context).remove(id, signal === undefined ? {} : { signal })
}

/** The one snapshot that is meant. Rejects with an error that lists all where a name is that of several. */
export async function findSnapshot(
  context: MountContext,
  text: string,
  by: 'id' | 'name' | 'either',
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  return theSnapshot(await allSnapshots(context, signal), text, by)
}

function beingCopied(id: SnapshotId, copy: Snapshot): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `snapshot ${id}`,
    problem: `is being copied to ${copy.id}`,
    remedy: 'remove it when that is complete, or remove the copy first',
  })
}

function allSnapshots(
  context: MountContext,
  signal: AbortSignal | undefined,
): Promise<readonly Snapshot[]> {
  return requireSnapshots(context).list({}, signal === undefined ? {} : { signal })
}

function theSnapshot(
  all: readonly Snapshot[],
  text: string,
  by: 'id' | 'name' | 'either',
): Snapshot {
  const withId = by === 'name' ? undefined : all.find(({ id }) => id === text)
  if (withId !== undefined) return withId
  const [first, ...others] = by === 'id' ? [] : all.filter(({ name }) => name === text)
  if (first === undefined || text === '')
    throw new NotFoundError(`snapshot ${JSON.stringify(text)}`)
  if (others.length === 0) return first
  throw new FailedPreconditionError({
    subject: `snapshot ${JSON.stringify(text)}`,
    problem: `is the name of ${others.length + 1} snapshots: ${[first, ...others].map(({ id, createdAt }) => `${id} (${createdAt.toISOString()})`).join(', ')}`,
    remedy: 'use the id',
  })
}
