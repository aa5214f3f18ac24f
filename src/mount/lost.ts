import type { InstanceId } from '../libstorage/types.ts'
import type { MountContext } from './bring-up.ts'
import type { VolumeSession } from './volume-session.ts'

/** Says that a volume's device was taken from this machine while somebody used it; its references stay. */
export async function noteLost(
  { service, logger, events }: MountContext,
  { facts: { id, name } }: VolumeSession,
  to: readonly InstanceId[],
): Promise<void> {
  const cause = to.length === 0 ? 'its device is gone' : `it is attached to ${to.join(' and ')}`
  logger.error(`volume ${name} was lost by this machine while it was in use: ${cause}`)
  events.record({ kind: 'lost', service: service.name, volume: name, volumeId: id, cause })
}
