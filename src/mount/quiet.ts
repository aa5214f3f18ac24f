import { isStorageError } from '../libstorage/errors.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'
import type { VolumeSession } from './volume-session.ts'

/** The tool that the ledger names while a volume's file system is frozen. */
export const FREEZER = 'fsfreeze'

/**
 * Does the work while the file system of a volume that is mounted here is whole on its device and nobody writes to it.
 * The driver copies at one moment all the same: where it cannot be frozen, the copy is what a loss of power would leave,
 * which every file system makes good.
 */
export async function whileQuiet<T>(
  context: MountContext,
  session: VolumeSession,
  work: () => Promise<T>,
): Promise<T> {
  const { mounter, publisher, service, logger } = context
  const { mount, volume } = session.record
  const place = placeOf(context, session.record)
  const isHere = mount !== undefined && publisher.isPublished(mount.device, place)
  if (!isHere || service.storage !== 'block') return await work()
  await mounter.flush(place.mountPoint)
  const frozen = await mounter
    .freeze(place.mountPoint, session.toolStarting)
    .catch((error: unknown) => {
      if (!isStorageError(error)) throw error
      logger.warn(`${volume.name} is copied as it is: ${error.message}`)
      return undefined
    })
  try {
    return await work()
  } finally {
    await frozen?.thaw()
    await session.update({ tool: undefined })
  }
}

/** Thaws a volume that was frozen when its process and the guard of the freeze were killed. */
export async function thawLeftFrozen(context: MountContext, session: VolumeSession): Promise<void> {
  const { tool } = session.record
  if (tool?.command !== FREEZER) return
  await session.awaitTool()
  await context.mounter.thaw(placeOf(context, session.record).mountPoint)
}
