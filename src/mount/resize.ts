import { UnsupportedError, volumeNamed } from '../libstorage/errors.ts'
import type { Volume } from '../libstorage/types.ts'
import { poll } from '../libstorage/wait.ts'
import { findByNameOrId } from './find-by-name.ts'
import { factsOf, isWorthKeeping, type VolumeFacts } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { placeOf } from './recorded-place.ts'
import { volumeNotFound } from './volume-name.ts'
import type { VolumeSession } from './volume-session.ts'

/** How long a platform may take to show the machine that a device has grown. */
const DEVICE_GROWS = { intervalMs: 200, timeoutMs: 10_000 }

/** What a resize came to. */
export interface Resized {
  readonly volume: Volume
  /** Why the file system was not grown with it, though it is mounted, as a sentence. */
  readonly remark: string | undefined
}

/**
 * Makes a volume larger, and the file system on it where it is mounted here; else that is done when it is mounted next.
 * Rejects with `UnsupportedError` where the driver cannot, with `InvalidArgumentError` for a smaller size.
 */
export async function resizeVolume(
  context: MountContext,
  name: string,
  sizeGiB: number,
  signal: AbortSignal | undefined,
): Promise<Resized> {
  const { driver, catalog } = context.service
  const modify = driver.modifyVolume?.bind(driver)
  if (modify === undefined) throw cannotResize(name, driver.name)
  const found = await findByNameOrId(context, name, signal)
  if (found === undefined) throw volumeNotFound(name)
  const { sessions } = context
  const volume = await sessions.run(
    factsOf(found),
    'resizes the volume',
    signal,
    async (session) => {
      await session.awaitTool()
      const changed = await modify(found.id, { sizeGiB })
      catalog.changed(changed)
      const record = { ...session.record, volume: factsOf(changed) }
      if (isWorthKeeping(record)) await session.replace(record)
      return changed
    },
  )
  const remark = await growMounted(context, factsOf(volume))
  if (remark !== undefined) context.logger.warn(remark, { volume: volume.name })
  return { volume, remark }
}

/** What was written of the volume by now has its new size. */
function growMounted(context: MountContext, facts: VolumeFacts): Promise<string | undefined> {
  return context.sessions.run(facts, 'grows the volume', undefined, async (session) => {
    const device = publishedDevice(context, session)
    if (device === undefined) return undefined
    await poll(async () => context.mounter.sizeOf(device) >= facts.sizeGiB * 2 ** 30 || undefined, {
      ...DEVICE_GROWS,
    })
    return await context.publisher.grow(session, device, placeOf(context, session.record))
  })
}

function publishedDevice(context: MountContext, { record }: VolumeSession): string | undefined {
  const { publisher, service } = context
  if (service.storage !== 'block' || record.mount === undefined) return undefined
  const { device } = record.mount
  return publisher.isPublished(device, placeOf(context, record)) ? device : undefined
}

function cannotResize(name: string, driver: string): UnsupportedError {
  return new UnsupportedError({
    subject: volumeNamed(name),
    problem: `cannot be resized: driver ${driver} has no way to`,
    remedy: 'make a larger volume and copy what is in it',
  })
}
