import { isSinceTold } from '../../libstorage/attachment-time.ts'
import type { Finding } from '../../libstorage/check.ts'
import { isStorageError } from '../../libstorage/errors.ts'
import { shellWord } from '../../libstorage/shell.ts'
import type { Volume, VolumeAttachment } from '../../libstorage/types.ts'
import type { RecordedEvent } from '../../mount/event-log.ts'
import type { LedgerRecord } from '../../mount/ledger-record.ts'
import type { ServiceLook } from './service-look.ts'
import { about, meaning, since } from './wording.ts'

/** What takes longer is stuck: platforms attach and detach within seconds. */
export const STUCK_MS = 60_000

/** A volume that is attached here, with what is recorded of it. */
export interface Attached {
  readonly volume: Volume
  readonly attachment: VolumeAttachment
  readonly record: LedgerRecord | undefined
}

/**
 * An attachment that is stuck on its way to this machine or away from it. No platform tells since when one is being detached:
 * where it is not known that we let go of it long ago, it is not called stuck.
 */
export async function stuckFinding(look: ServiceLook, one: Attached): Promise<Finding | undefined> {
  const { volume, attachment, record } = one
  const now = look.parts.now()
  const it = meaning(volume)
  const isOld = now.getTime() - attachment.since.getTime() > STUCK_MS
  if (attachment.state === 'attaching' && isOld && isSinceTold(attachment.since))
    return about(
      volume,
      `is stuck attaching ${since(attachment.since, now)}`,
      `remora volume detach ${it}\nremora volume attach ${it}`,
    )
  const released = attachment.state === 'detaching' ? await releasedAt(look, one) : undefined
  if (released === undefined || now.getTime() - released <= STUCK_MS) return undefined
  const place = record?.mount?.mountPoint ?? (await look.device(attachment))
  const way = place === undefined ? 'see what holds it: findmnt; lsblk' : whoHolds(place)
  return about(
    volume,
    `is busy: it is being detached ${since(new Date(released), now)}, and that does not end`,
    `${way}\nremora volume detach ${it}`,
  )
}

function whoHolds(place: string): string {
  return `end what holds it: fuser -vm ${shellWord(place)}`
}

/** When this machine last began to let go of the attachment, of the epoch, in milliseconds; undefined where it has not, or has not noted it. */
async function releasedAt(
  look: ServiceLook,
  { volume, attachment, record }: Attached,
): Promise<number | undefined> {
  const last = (await eventsOf(look)).findLast(
    ({ volumeId, kind }) => volumeId === volume.id && (kind === 'mounted' || kind === 'unmounted'),
  )
  const { detachDelayMs } = look.parts.settings.unmount
  const times = [
    ...(last?.kind === 'unmounted' ? [Date.parse(last.time) + detachDelayMs] : []),
    ...(record?.releasing === undefined ? [] : [Date.parse(record.releasing.since)]),
  ].filter((time) => time >= attachment.since.getTime())
  return times.length === 0 ? undefined : Math.max(...times)
}

/** None where the disk that they are on hangs. */
async function eventsOf(look: ServiceLook): Promise<readonly RecordedEvent[]> {
  try {
    return await look.events()
  } catch (error) {
    if (isStorageError(error)) return []
    throw error
  }
}
