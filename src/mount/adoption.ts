import type { VolumeAttachment } from '../libstorage/types.ts'
import type { Background } from './background.ts'
import { factsOf } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import { mountRecords } from './publisher.ts'

/**
 * Writes a record, without references, for each volume that is found at its place and that the ledger does not know: its
 * file was lost or corrupt. Asks the platform once what is attached here; rejects when it does not answer.
 */
export async function adoptUnknown(context: MountContext, background: Background): Promise<void> {
  const { service, ledger } = context
  const here = (await service.executor.instance()).id
  const attached = await service.driver.volumes({ instanceId: here })
  for (const volume of attached) {
    const attachment = volume.attachments.find(({ instanceId }) => instanceId === here)
    if (attachment === undefined || ledger.get(volume.id) !== undefined) continue
    background.run(factsOf(volume), 'adoption', async (session) => {
      if (ledger.get(volume.id) !== undefined) return
      const device = await publishedDevice(context, volume.name, attachment)
      if (device === undefined) return
      const place = context.places.of(volume.name)
      const { mount, ...attachedRecord } = mountRecords({ volume, attachment, device, place })
      if (mount === undefined) return
      await session.update({
        ...attachedRecord,
        mount: { ...mount, complete: true },
        adopted: true,
      })
      context.logger.warn(
        `volume ${volume.name} was found mounted without a record, and is adopted`,
      )
      context.events.record({
        kind: 'adopted',
        service: service.name,
        volume: volume.name,
        volumeId: volume.id,
        instance: here,
      })
    })
  }
}

async function publishedDevice(
  { service, publisher, places }: MountContext,
  name: string,
  attachment: VolumeAttachment,
): Promise<string | undefined> {
  const device = await service.executor.device(attachment)
  const isThere = device !== undefined && publisher.isPublished(device, places.of(name))
  return isThere ? device : undefined
}
