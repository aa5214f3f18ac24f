import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  NotFoundError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeSpec } from '../../libstorage/types.ts'
import type { WebSession } from './client.ts'
import { type CopyingContext, makeCopy } from './copying.ts'
import type { Facts } from './facts.ts'
import { fileIn, fileNameOf } from './host-path.ts'
import { requireCopyable, requireSnapshotCopyable } from './later-images.ts'
import { GIB, isSnapshot, type Media, type Medium, mediumById } from './media.ts'
import { makeMedium } from './media-making.ts'
import { exists, existsAsFile, requireNoNamesakeFile } from './namesake-files.ts'

/** VirtualBox counts in 2^63 bytes; what hosts can do they say themselves. */
const MOST_GIB = 2 ** 33 - 1
/** What the volume types are called by VirtualBox. The third is what REX-Ray shows of every volume. */
const FORMATS: Readonly<Record<string, string>> = { vdi: 'VDI', vmdk: 'VMDK', harddisk: 'VDI' }

/** What making media works with. */
export interface CreationContext extends CopyingContext {
  readonly media: Media
  /** The folder on the host. */
  readonly folder: string | undefined
}

/** What a volume shall be. */
export interface WantedVolume extends VolumeSpec {
  /** When it was asked for: one of this name with this time is the one that an attempt before this one made. */
  readonly createdAt: Date
}

/** Makes a volume; its mark is on it before there is a file, so that nothing half made is without it. Resolves with its id. */
export async function createVolume(
  context: CreationContext,
  session: WebSession,
  spec: WantedVolume,
  signal: AbortSignal | undefined,
): Promise<string> {
  const format = requirePossible(spec)
  const { name, sizeGiB, labels, createdAt } = spec
  const folder = requireFolder(context.folder)
  const [namesake] = await context.media.volumes(session, { name }, signal)
  if (namesake?.createdAt?.getTime() === createdAt.getTime()) return namesake.id
  if (namesake !== undefined) throw exists(name, namesake.id)
  const location = fileIn(folder, `${fileNameOf(name)}.${format.toLowerCase()}`)
  await requireNoNamesakeFile(session, { name, folder, location }, signal)
  const source = await sourceOf(context.media, session, spec, signal)
  const facts: Facts = {
    kind: 'volume',
    name,
    labels,
    createdAt: createdAt.toISOString(),
    ...(spec.source !== undefined && { madeFrom: spec.source.kind }),
  }
  const wanted = { subject: volumeNamed(name), location, format, facts, sizeBytes: sizeGiB * GIB }
  try {
    if (source === undefined) return await makeMedium(context, session, wanted, signal)
    return await makeCopy(context, session, { ...wanted, source }, signal)
  } catch (error) {
    throw error instanceof AlreadyExistsError ? existsAsFile(name, location, error) : error
  }
}

/** The folder for volumes. Throws where none is configured. */
export function requireFolder(folder: string | undefined): string {
  if (folder !== undefined) return folder
  throw new FailedPreconditionError({
    subject: 'virtualbox.volumePath',
    problem: 'is not set',
    remedy: 'set it to a folder of the host that is for volumes alone',
  })
}

/** The format of a new volume. Throws where it cannot be as it is wanted. */
function requirePossible(spec: VolumeSpec): string {
  const { name, sizeGiB, type = 'vdi' } = spec
  const subject = volumeNamed(name)
  if (!Number.isInteger(sizeGiB) || sizeGiB < 1 || sizeGiB > MOST_GIB)
    throw new InvalidArgumentError({
      subject,
      problem: `cannot have ${sizeGiB} GiB`,
      remedy: 'say a whole number from 1',
    })
  const lacking = (
    ['zone', 'iops', 'throughput', 'encrypted', 'encryptionKey', 'tags'] as const
  ).find((field) => spec[field] !== undefined)
  if (lacking !== undefined)
    throw new InvalidArgumentError({
      subject,
      problem: `cannot have ${lacking}: VirtualBox knows none`,
      remedy: 'leave it out',
    })
  const format = FORMATS[type.toLowerCase()]
  if (format !== undefined) return format
  throw new InvalidArgumentError({
    subject,
    problem: `cannot be of type ${JSON.stringify(type)}`,
    remedy: 'use vdi or vmdk',
  })
}

async function sourceOf(
  media: Media,
  session: WebSession,
  { name, sizeGiB, source }: VolumeSpec,
  signal: AbortSignal | undefined,
): Promise<Medium | undefined> {
  if (source === undefined) return undefined
  const { kind, id } = source
  const subject = kind === 'volume' ? volumeNamed(id) : `snapshot ${id}`
  const original = kind === 'volume' ? await media.volume(session, id, signal) : undefined
  const found = kind === 'volume' ? original?.medium : await mediumById(session, id, signal)
  if (found === undefined || isSnapshot(found) !== (kind === 'snapshot'))
    throw new NotFoundError(subject)
  if (original === undefined) requireSnapshotCopyable(found)
  else await requireCopyable(session, original.medium, original.volume.name)
  if (sizeGiB * GIB >= found.sizeBytes) return found
  const least = Math.ceil(found.sizeBytes / GIB)
  throw new InvalidArgumentError({
    subject: volumeNamed(name),
    problem: `cannot have ${sizeGiB} GiB, as ${subject} has ${least}`,
    remedy: `say ${least} or more`,
  })
}
