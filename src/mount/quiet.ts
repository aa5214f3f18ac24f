import { isStorageError } from '../libstorage/errors.ts'
import { FREEZER } from './left-frozen.ts'
import type { MountContext } from './mount-context.ts'
import type { Frozen } from './mounter.ts'
import { placeOf } from './recorded-place.ts'
import { release } from './release.ts'
import type { VolumeSession } from './volume-session.ts'

/**
 * Does the work while the file system of a volume that is mounted here is whole on its device and nobody writes to it.
 * The driver copies at one moment all the same: where it cannot be frozen, the copy is what a loss of power would leave,
 * which every file system makes good. What only lingers is let go before: nobody uses it, and not every driver copies what
 * is attached. The work may let everybody go on before it is done.
 */
export async function whileQuiet<T>(
  context: MountContext,
  session: VolumeSession,
  work: (letGo: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { mounter, publisher, service, logger } = context
  await session.awaitTool()
  await endLingering(context, session)
  const { mount, volume } = session.record
  const place = placeOf(context, session.record)
  const isHere = mount !== undefined && publisher.isPublished(mount.device, place)
  if (!isHere || service.storage !== 'block') return await work(async () => {})
  await mounter.flush(place.mountPoint)
  const frozen = await mounter
    .freeze(place.mountPoint, session.toolStarting)
    .catch((error: unknown) => {
      if (!isStorageError(error)) throw error
      logger.warn(`${volume.name} is copied as it is: ${error.message}`)
      return undefined
    })
  let thawed: Promise<void> | undefined
  const letGo = () => {
    thawed ??= thawAndForget(context, session, frozen)
    return thawed
  }
  try {
    return await work(letGo)
  } finally {
    await letGo()
  }
}

/** What cannot be thawed stays in the record, for whoever comes next: the copy is made all the same. */
async function thawAndForget(
  { logger }: MountContext,
  session: VolumeSession,
  frozen: Frozen | undefined,
): Promise<void> {
  try {
    await frozen?.thaw()
  } catch (error) {
    if (!isStorageError(error)) throw error
    logger.warn(
      `${session.facts.name} is frozen, and thawed as soon as it can be: ${error.message}`,
    )
    return
  }
  await session.update({ tool: undefined })
}

/** A format that was cut short keeps its attachment: the permission to format again hangs on it. */
async function endLingering(context: MountContext, session: VolumeSession): Promise<void> {
  const { attachment, mount, references, adopted, formatIntent } = session.record
  const isKept = mount !== undefined || adopted === true || formatIntent !== undefined
  if (attachment === undefined || isKept || references.length > 0) return
  await release(context, session)
}

/** Waits until a freeze that outlived its process has ended; the volume is thawed then. */
export async function awaitThaw(session: VolumeSession): Promise<void> {
  if (session.record.tool?.command === FREEZER) await session.awaitTool()
}
