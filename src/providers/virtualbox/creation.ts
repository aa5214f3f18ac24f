import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  isStorageError,
  NotFoundError,
  TimeoutError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeSpec } from '../../libstorage/types.ts'
import type { Reference, WebSession } from './client.ts'
import { asStorageError } from './errors.ts'
import { type Facts, withoutProperties, writeFacts } from './facts.ts'
import { Code, hasCode } from './fault.ts'
import { fileIn, fileNameOf } from './host-path.ts'
import { GIB, isSnapshot, type Media, type Medium, mediumById } from './media.ts'

/** How long an empty medium may take; a large VMDK is written out in part. In milliseconds. */
const MAKING_MS = 300_000
/** How long a copy may take, in milliseconds: a slow disk copies a terabyte in some hours. */
const COPYING_MS = 24 * 3_600_000
/** VirtualBox counts in 2^63 bytes; what hosts can do they say themselves. */
const MOST_GIB = 2 ** 33 - 1
/** What the volume types are called by VirtualBox. The third is what REX-Ray shows of every volume. */
const FORMATS: Readonly<Record<string, string>> = { vdi: 'VDI', vmdk: 'VMDK', harddisk: 'VDI' }

/** What making media works with. */
export interface CreationContext {
  readonly media: Media
  /** The folder on the host. */
  readonly folder: string | undefined
  readonly endpoint: string
}

/** A medium that is to be. */
export interface WantedMedium {
  /** How messages begin about it. */
  readonly subject: string
  readonly location: string
  readonly format: string
  readonly facts: Facts
  readonly sizeGiB: number
  readonly source: Medium | undefined
}

/** Makes a volume; its mark is on it before there is a file, so that nothing half made is without it. Resolves with its id. */
export async function createVolume(
  context: CreationContext,
  session: WebSession,
  spec: VolumeSpec,
  signal: AbortSignal | undefined,
): Promise<string> {
  const format = requirePossible(spec)
  const { name, sizeGiB, labels } = spec
  const folder = requireFolder(context.folder)
  const [namesake] = await context.media.volumes(session, { name }, signal)
  if (namesake !== undefined) throw exists(name, namesake.id)
  const source = await sourceOf(context.media, session, spec, signal)
  const location = fileIn(folder, `${fileNameOf(name)}.${format.toLowerCase()}`)
  const facts: Facts = {
    kind: 'volume',
    name,
    labels,
    createdAt: new Date().toISOString(),
    ...(spec.source !== undefined && { madeFrom: spec.source.kind }),
  }
  const subject = volumeNamed(name)
  const wanted = { subject, location, format, facts, sizeGiB, source }
  return await makeMedium(context, session, wanted, signal)
}

/** Makes a medium, empty or as a copy, and resolves with its id. A caller that goes away leaves it to be finished. */
export async function makeMedium(
  { endpoint }: Pick<CreationContext, 'endpoint'>,
  session: WebSession,
  wanted: WantedMedium,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { subject, location, format } = wanted
  const ref = await session.call(
    'IVirtualBox_createMedium',
    {
      _this: session.root,
      format,
      location,
      accessMode: 'ReadWrite',
      aDeviceTypeType: 'HardDisk',
    },
    signal,
  )
  try {
    return await fill(session, ref, wanted)
  } catch (error) {
    throw asStorageError(error, { subject, endpoint })
  }
}

/** Removes a medium with its file. */
export async function removeMedium(
  session: WebSession,
  { ref }: Pick<Medium, 'ref'>,
): Promise<void> {
  const progress = await session.call('IMedium_deleteStorage', { _this: ref })
  await requireFinished(session, progress, 'the removal of a disk', MAKING_MS)
  await session.call('IMedium_close', { _this: ref }).catch(() => {})
}

/** Makes a medium larger. What reports success and changes nothing, as VirtualBox does for some formats, is refused. */
export async function growMedium(
  session: WebSession,
  { ref, format }: Pick<Medium, 'ref' | 'format'>,
  { subject, sizeGiB }: { readonly subject: string; readonly sizeGiB: number },
): Promise<void> {
  const _this = ref
  const logicalSize = sizeGiB * GIB
  try {
    const progress = await session.call('IMedium_resize', { _this, logicalSize })
    await requireFinished(session, progress, `the resizing of ${subject}`, MAKING_MS)
  } catch (error) {
    if (!hasCode(error, Code.notSupported)) throw error
    throw cannotGrow(subject, format, error)
  }
  await session.call('IMedium_refreshState', { _this })
  if ((await session.call('IMedium_getLogicalSize', { _this })) !== logicalSize)
    throw cannotGrow(subject, format)
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

async function fill(session: WebSession, ref: Reference, wanted: WantedMedium): Promise<string> {
  const _this = ref
  try {
    await writeFacts(session, ref, wanted.facts)
    await makeStorage(session, ref, wanted)
  } catch (error) {
    // There may be a file, but it is somebody else's: only what we know of it is given up.
    await session.call('IMedium_close', { _this }).catch(() => {})
    throw error
  }
  try {
    await complete(session, ref, wanted)
  } catch (error) {
    // What stays is marked, and can be removed.
    await removeMedium(session, { ref }).catch(() => {})
    throw error
  }
  return await session.call('IMedium_getId', { _this })
}

async function makeStorage(
  session: WebSession,
  _this: Reference,
  { sizeGiB, source, subject }: WantedMedium,
): Promise<void> {
  const variant = ['Standard']
  if (source === undefined) {
    const size = { _this, logicalSize: sizeGiB * GIB, variant }
    const progress = await session.call('IMedium_createBaseStorage', size)
    return await requireFinished(session, progress, `the making of ${subject}`, MAKING_MS)
  }
  const copy = { _this: source.ref, target: _this, variant }
  await withoutProperties(session, source.ref, async () => {
    const progress = await session.call('IMedium_cloneToBase', copy)
    await requireFinished(session, progress, `the making of ${subject}`, COPYING_MS)
  })
}

async function complete(
  session: WebSession,
  ref: Reference,
  { facts, sizeGiB, source, subject, format }: WantedMedium,
): Promise<void> {
  if (source !== undefined && source.sizeBytes < sizeGiB * GIB)
    await growMedium(session, { ref, format }, { subject, sizeGiB })
  // A snapshot of a machine, as Vagrant takes them, would put another image before it.
  if (facts.kind === 'volume')
    await session.call('IMedium_setType', { _this: ref, type: 'Writethrough' }).catch(() => {})
}

async function requireFinished(
  session: WebSession,
  progress: Reference,
  subject: string,
  timeoutMs: number,
): Promise<void> {
  if (await session.finished(progress, timeoutMs)) return
  throw new TimeoutError({
    subject,
    problem: `is not done after ${timeoutMs / 1_000} s`,
    remedy: 'see how busy the disk of the host is; it goes on there',
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
  const found =
    kind === 'volume'
      ? (await media.volume(session, id, signal))?.medium
      : await mediumById(session, id, signal)
  if (found === undefined || isSnapshot(found) !== (kind === 'snapshot'))
    throw new NotFoundError(subject)
  if (sizeGiB * GIB >= found.sizeBytes) return found
  const least = Math.ceil(found.sizeBytes / GIB)
  throw new InvalidArgumentError({
    subject: volumeNamed(name),
    problem: `cannot have ${sizeGiB} GiB, as ${subject} has ${least}`,
    remedy: `say ${least} or more`,
  })
}

function exists(name: string, id: string): AlreadyExistsError {
  return new AlreadyExistsError({
    subject: volumeNamed(name),
    problem: `exists already as ${id}`,
    remedy: 'use it, or choose another name',
  })
}

function cannotGrow(subject: string, format: string, cause?: unknown): unknown {
  if (isStorageError(cause)) return cause
  return new InvalidArgumentError({
    subject,
    problem: `cannot be made larger: VirtualBox does not do that with a ${format} disk of its kind`,
    remedy: 'make a volume of type vdi from it, which can',
    cause,
  })
}
