import { InvalidArgumentError, NotFoundError } from '../libstorage/errors.ts'
import type { Volume, VolumeSource } from '../libstorage/types.ts'
import { findByName } from './find-by-name.ts'
import type { MountContext } from './mount-context.ts'
import { damagedSnapshot, findSnapshot } from './snapshots.ts'
import { volumeNotFound } from './volume-name.ts'
import type { WantedSource } from './volume-options.ts'

/** What a new volume is to be a copy of, found. */
export interface FoundSource {
  readonly source: VolumeSource
  /** The least size of the copy, and its size where none is asked for. */
  readonly sizeGiB: number
  /** Where it is a volume. */
  readonly volume?: Volume
}

/** Finds what is to be copied. Rejects with `InvalidArgumentError` where the driver cannot copy or the copy is too small. */
export async function findSource(
  context: MountContext,
  wanted: WantedSource,
  sizeGiB: number | undefined,
  signal: AbortSignal | undefined,
): Promise<FoundSource> {
  const option = `option ${wanted.kind}${wanted.by}`
  if (!context.service.wishes.has('source')) {
    throw new InvalidArgumentError({
      subject: option,
      problem: `cannot be fulfilled by driver ${context.service.driver.name}`,
      remedy: 'leave it out, or use a service that copies',
    })
  }
  const found =
    wanted.kind === 'snapshot'
      ? await foundSnapshot(context, wanted, signal)
      : await foundVolume(context, wanted, signal)
  if (sizeGiB === undefined || sizeGiB >= found.sizeGiB) return found
  throw new InvalidArgumentError({
    subject: 'option size',
    problem: `is ${sizeGiB} where ${wanted.kind} "${wanted.text}" has ${found.sizeGiB} GiB`,
    remedy: `ask for ${found.sizeGiB} or more, or leave it out`,
  })
}

async function foundSnapshot(
  context: MountContext,
  { text, by }: WantedSource,
  signal: AbortSignal | undefined,
): Promise<FoundSource> {
  const { id, sizeGiB, state } = await findSnapshot(context, text, by, signal)
  if (state !== 'error') return { source: { kind: 'snapshot', id }, sizeGiB }
  throw damagedSnapshot(id)
}

async function foundVolume(
  context: MountContext,
  { text, by }: WantedSource,
  signal: AbortSignal | undefined,
): Promise<FoundSource> {
  const volume =
    by === 'id'
      ? await volumeWithId(context, text, signal)
      : await findByName(context, text, signal)
  if (volume === undefined) throw volumeNotFound(text)
  const { id, sizeGiB, zone } = volume
  return { source: { kind: 'volume', id, ...(zone !== undefined && { zone }) }, sizeGiB, volume }
}

async function volumeWithId(
  { service }: MountContext,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Volume | undefined> {
  try {
    return await service.driver.volume(id, signal === undefined ? {} : { signal })
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}
