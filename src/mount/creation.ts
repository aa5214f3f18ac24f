import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  volumeNamed,
} from '../libstorage/errors.ts'
import { isInZone } from '../libstorage/namesakes.ts'
import type { Instance, Volume, VolumeSpec, VolumeWish } from '../libstorage/types.ts'
import { type FoundSource, findSource } from './copy-source.ts'
import { tookMs } from './events.ts'
import { factsOf } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { whileQuiet } from './quiet.ts'
import { unlikeAsked } from './unlike-asked.ts'
import { requireNewName } from './volume-name.ts'
import { type RequestedVolume, readMountWishes, readVolumeOptions } from './volume-options.ts'

const WISHES: readonly Exclude<VolumeWish, 'source'>[] = [
  'zone',
  'type',
  'iops',
  'encrypted',
  'encryptionKey',
  'throughput',
  'tags',
]

/** What a Create came to. */
export interface Creation {
  readonly volume: Volume
  /** False where the name was taken already, and nothing was changed. */
  readonly made: boolean
}

/** Makes a volume unless one of that name exists. Everything about the request is checked before anything is made. */
export async function createVolume(
  context: MountContext,
  name: string,
  options: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Creation> {
  requireNewName(name, context.service)
  const wanted = readVolumeOptions(options, context.settings.create.default)
  return await context.sessions.creating(name, signal, () =>
    createUnlessThere(context, name, wanted, options, signal),
  )
}

async function createUnlessThere(
  context: MountContext,
  name: string,
  wanted: RequestedVolume,
  options: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Creation> {
  // An empty volume beside one of the same name is data loss to its owner, wherever in the region that is.
  const here = await context.service.executor.instance()
  const zone = { machine: here.zone, asked: wanted.zone }
  const existing = await context.service.catalog.namesake(name, zone, signal)
  if (existing?.state === 'error') throw unusable(existing)
  if (existing !== undefined) return keepExisting(context, existing, options)
  const { from, ...rest } = wanted
  if (from !== undefined) {
    const found = await findSource(context, from, from.isSized ? wanted.sizeGiB : undefined, signal)
    const sizeGiB = from.isSized ? wanted.sizeGiB : found.sizeGiB
    const meant = leaveOutMeaningless(context, name, { ...rest, sizeGiB })
    const request = { ...found, signal, here, options }
    return await make(context, { ...meant, name, source: found.source }, request)
  }
  if (context.service.storage === 'block') await requireMakeable(context, wanted)
  const spec = { ...leaveOutMeaningless(context, name, rest), name }
  return await make(context, spec, { here, options })
}

/** Neither success, for what nobody can mount, nor a second one beside what may be somebody's failed disk. */
function unusable({ name, id, problem = 'is in an error state' }: Volume): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `exists already as ${id}, which ${problem}`,
    remedy: 'mend or remove that first',
  })
}

function keepExisting(
  { settings, service, logger }: MountContext,
  existing: Volume,
  options: Readonly<Record<string, string>>,
): Creation {
  const unlike = unlikeAsked(existing, options, settings.create, service.wishes)
  const about = { volumeId: existing.id, asked: options }
  const stays = `${volumeNamed(existing.name)} exists already, nothing was changed`
  if (unlike.length > 0) logger.warn(`${stays}: ${unlike.join(', ')}`, about)
  else logger.debug(stays, about)
  return { volume: existing, made: false }
}

/** A wish that means nothing on this platform is left out; encryption is not: who asked for it would believe to have it. */
function leaveOutMeaningless(
  { service, logger }: MountContext,
  name: string,
  wanted: RequestedVolume,
): RequestedVolume {
  const meaningless = WISHES.filter(
    (wish) => wanted[wish] !== undefined && !service.wishes.has(wish),
  )
  if (wanted.encrypted === true && meaningless.includes('encrypted')) {
    throw new InvalidArgumentError({
      subject: 'option encrypted',
      problem: `cannot be fulfilled by driver ${service.driver.name}`,
      remedy: 'leave it out, or use a service that encrypts',
    })
  }
  if (meaningless.length === 0) return wanted
  logger.warn(
    `${volumeNamed(name)} is made without ${meaningless.join(', ')}, which driver ${service.driver.name} does not have`,
  )
  const kept = Object.entries(wanted).filter(([key]) => !meaningless.some((wish) => wish === key))
  return { sizeGiB: wanted.sizeGiB, labels: wanted.labels, ...Object.fromEntries(kept) }
}

/** Refuses what would fail only at the first Mount: a missing mkfs, mount options that the kernel does not take. */
async function requireMakeable(context: MountContext, wanted: RequestedVolume): Promise<void> {
  const { fsType, mountOptions } = readMountWishes(
    wanted.labels,
    context.settings.create.default.fsType,
  )
  await context.mounter.requireMaker(fsType)
  if (mountOptions.length > 0) await context.mounter.tryMountOptions(fsType, mountOptions)
}

async function make(
  context: MountContext,
  spec: VolumeSpec,
  {
    volume: original,
    signal,
    here,
    options,
  }: Partial<FoundSource> & {
    signal?: AbortSignal | undefined
    here: Instance
    options: Readonly<Record<string, string>>
  },
): Promise<Creation> {
  const { driver, catalog, name: service } = context.service
  const begun = performance.now()
  const create = (accepted?: () => Promise<void>) =>
    driver.createVolume(spec, { ...(signal && { signal }), ...(accepted && { accepted }) })
  try {
    const volume = await (original === undefined ? create() : copying(context, original, create))
    // One of a zone that was asked for may be none of this machine's, and would hide the one that is.
    if (isInZone(volume, { machine: here.zone })) {
      catalog.created(volume)
      noteMade(context, volume)
    }
    context.events.record({
      kind: 'created',
      service,
      volume: volume.name,
      volumeId: volume.id,
      instance: here.id,
      durationMs: tookMs(begun),
    })
    return { volume, made: true }
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error
    // Somebody was faster between our look and our request: theirs is the volume.
    const there = { asked: spec.zone }
    const theirs =
      spec.zone === undefined
        ? await catalog.find(spec.name, { fresh: true })
        : await catalog.namesake(spec.name, there, signal)
    if (theirs === undefined) throw error
    return keepExisting(context, theirs, options)
  }
}

/** Its volume is made, whatever comes of this: without it other processes find it some seconds later. */
function noteMade({ made, logger }: MountContext, { id, name }: Volume): void {
  try {
    made?.add(name, id)
  } catch (error) {
    logger.warn(`${volumeNamed(name)} is made, but cannot be noted: ${String(error)}`)
  }
}

/** A volume that is copied is at rest until the copy is of that moment, and not touched by anything else until it is whole. */
function copying(
  context: MountContext,
  original: Volume,
  create: (accepted: () => Promise<void>) => Promise<Volume>,
): Promise<Volume> {
  return context.sessions.run(factsOf(original), 'copies the volume', undefined, (session) =>
    whileQuiet(context, session, create),
  )
}
