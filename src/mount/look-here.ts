import { isStorageError } from '../libstorage/errors.ts'
import type { VolumeAttachment } from '../libstorage/types.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'
import type { MountEntry } from './mounter.ts'
import type { KernelFacts } from './reconcile.ts'
import { placeOf } from './recorded-place.ts'

/** What this machine shows of a volume, given its attachment; never waits for the volume's disk. */
export async function lookHere(
  context: MountContext,
  record: LedgerRecord,
  attachment: VolumeAttachment | undefined,
): Promise<KernelFacts> {
  const { publisher, mounter, places, service } = context
  const device = await deviceHere(context, record, attachment)
  const place = placeOf(context, record)
  const { mountPoint } = place
  if (service.storage === 'directory') {
    const isThere = device !== undefined && publisher.isPublished(device, place)
    return { place: isThere ? 'mounted' : 'absent', mountPoint, device, olderMounts: [] }
  }
  const number = device === undefined ? undefined : mounter.deviceNumber(device)
  const mounts = mounter.mounts()
  const isOurs = ({ deviceNumber }: MountEntry) => number !== undefined && deviceNumber === number
  const older = mounts.filter(
    (entry) => isOurs(entry) && entry.mountPoint !== mountPoint && places.covers(entry.mountPoint),
  )
  const topmost = mounts.findLast((entry) => entry.mountPoint === mountPoint)
  return {
    place: stateOf(topmost, number, record),
    mountPoint,
    device: number === undefined ? undefined : device,
    identity: device === undefined ? undefined : mounter.deviceIdentity(device),
    olderMounts: [...new Set(older.map((entry) => entry.mountPoint))],
  }
}

/** A pool or platform that does not answer must not keep a record from being taken over: the ledger knows the device too. */
async function deviceHere(
  { service }: MountContext,
  { mount }: LedgerRecord,
  attachment: VolumeAttachment | undefined,
): Promise<string | undefined> {
  try {
    return attachment && (await service.executor.device(attachment))
  } catch (error) {
    if (isStorageError(error)) return mount?.device
    throw error
  }
}

function stateOf(
  topmost: MountEntry | undefined,
  number: string | undefined,
  { mount }: LedgerRecord,
): KernelFacts['place'] {
  if (topmost === undefined) return 'absent'
  // What we mounted of a device that is gone can only be dead.
  if (number === undefined) return mount === undefined ? 'absent' : 'dead'
  if (topmost.deviceNumber !== number) return 'absent'
  return topmost.failedReadOnly ? 'dead' : 'mounted'
}
