import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, NotFoundError, volumeNamed } from '../../libstorage/errors.ts'
import type { SnapshotDriver } from '../../libstorage/storage-driver.ts'
import type { Snapshot, SnapshotQuery, SnapshotSpec, VolumeId } from '../../libstorage/types.ts'
import type { WebSession } from './client.ts'
import { makeCopy } from './copying.ts'
import { type CreationContext, requireFolder } from './creation.ts'
import { Code, hasCode } from './fault.ts'
import { fileIn, fileNameOf } from './host-path.ts'
import { requireCopyable, requireSnapshotCopyable, writtenTo } from './later-images.ts'
import { GIB, isSnapshot, type Medium, mediumById } from './media.ts'
import { removeMedium } from './media-making.ts'

/** Beneath the folder for volumes, so that no snapshot is taken for one. */
const FOLDER = 'snapshots'

/** How the driver does work in a web session, with its errors said. */
export type Ask = <T>(
  subject: string,
  work: (session: WebSession) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>

/** Snapshots as full copies, each a medium of its own. Of a volume that a running machine has none can be taken. */
export function mediumSnapshots(context: CreationContext, ask: Ask): SnapshotDriver {
  return {
    list: (query = {}, { signal } = {}) =>
      ask('snapshots', (session) => matching(context, session, query, signal), signal),
    create: (volumeId, spec, { signal } = {}) => {
      const createdAt = new Date()
      return ask(
        `snapshot ${JSON.stringify(spec.name)} of ${volumeId}`,
        async (session) => {
          const found = await context.media.volume(session, volumeId, signal)
          if (found === undefined) throw new NotFoundError(volumeNamed(volumeId))
          const { medium: source, volume } = found
          await requireCopyable(session, source, volume.name)
          const of = { volumeId, volumeName: volume.name, createdAt }
          const take = takeSnapshot(context, session, { ...spec, ...of, source }, signal)
          return await take.catch((error: unknown) => {
            throw isLocked(error) ? writtenTo(volume.name, error) : error
          })
        },
        signal,
      )
    },
    copy: (id, { name, labels, region }, { signal } = {}) => {
      const createdAt = new Date()
      return ask(
        `snapshot ${id}`,
        async (session) => {
          if (region !== undefined) throw noRegions(id)
          const source = await required(session, id, signal)
          requireSnapshotCopyable(source)
          const { volumeId = '', volumeName } = source.facts ?? {}
          const wanted = { name, labels, volumeId, volumeName, createdAt, source }
          return await takeSnapshot(context, session, wanted, signal)
        },
        signal,
      )
    },
    remove: (id, { signal } = {}) =>
      ask(
        `snapshot ${id}`,
        async (session) => removeMedium(session, await required(session, id, signal)),
        signal,
      ),
  }
}

async function matching(
  { media }: CreationContext,
  session: WebSession,
  { name, volumeId }: SnapshotQuery,
  signal: AbortSignal | undefined,
): Promise<readonly Snapshot[]> {
  const all = (await media.snapshots(session, signal)).map(toSnapshot)
  return all.filter(
    (one) =>
      (name === undefined || one.name === name) &&
      (volumeId === undefined || one.volumeId === volumeId),
  )
}

interface WantedSnapshot extends SnapshotSpec {
  readonly volumeId: VolumeId
  readonly volumeName: string | undefined
  /** When it was asked for: one of this name with this time is the one that an attempt before this one made. */
  readonly createdAt: Date
  readonly source: Medium
}

async function takeSnapshot(
  context: CreationContext,
  session: WebSession,
  { name, labels, volumeId, volumeName, createdAt, source }: WantedSnapshot,
  signal: AbortSignal | undefined,
): Promise<Snapshot> {
  const made = await matching(context, session, { name, volumeId }, signal)
  const before = made.find((one) => one.createdAt.getTime() === createdAt.getTime())
  if (before !== undefined) return before
  const folder = fileIn(requireFolder(context.folder), FOLDER)
  const kind = 'snapshot' as const
  const wanted = {
    subject: `snapshot ${JSON.stringify(name)} of ${volumeId}`,
    location: fileIn(folder, fileOf(volumeName ?? volumeId, name)),
    format: 'VDI',
    facts: {
      ...{ kind, name, labels, volumeId, createdAt: createdAt.toISOString() },
      ...(volumeName && { volumeName }),
    },
    sizeBytes: source.sizeBytes,
    source,
  }
  return toSnapshot(await required(session, await makeCopy(context, session, wanted, signal)))
}

/** Says to whoever looks into the folder what it is; several may have one name. */
function fileOf(volume: string, name: string): string {
  return `${fileNameOf(`${volume}@${name}`)}-${randomBytes(4).toString('hex')}.vdi`
}

async function required(session: WebSession, id: string, signal?: AbortSignal): Promise<Medium> {
  const found = await mediumById(session, id, signal)
  if (found !== undefined && isSnapshot(found)) return found
  throw new NotFoundError(`snapshot ${id}`)
}

function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return hasCode(cause, Code.invalidObjectState)
}

function noRegions(id: string): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: `snapshot ${id}`,
    problem: 'cannot be copied into a region: VirtualBox knows none',
    remedy: 'leave it out',
  })
}

function toSnapshot({ id, facts, sizeBytes, state }: Medium): Snapshot {
  return {
    id,
    name: facts?.name ?? '',
    volumeId: facts?.volumeId ?? '',
    sizeGiB: Math.ceil(sizeBytes / GIB),
    state: SNAPSHOT_STATES[state] ?? 'complete',
    createdAt: new Date(facts?.createdAt ?? 0),
    labels: facts?.labels ?? {},
  }
}

const SNAPSHOT_STATES: Readonly<Record<string, Snapshot['state']>> = {
  NotCreated: 'pending',
  Creating: 'pending',
  Inaccessible: 'error',
}
