import type { InstanceId } from '../libstorage/types.ts'
import type { LedgerRecord } from './ledger-record.ts'

/**
 * Mounts, references and processes do not outlive a boot; attachments may. The record keeps its boot's id until the volume
 * is used again, so that a server that starts once more still knows that it comes from before. What another machine wrote,
 * which this one is a copy of, says nothing about this one's attachments.
 */
export function fromEarlierBoot(record: LedgerRecord, here?: InstanceId | undefined): LedgerRecord {
  const { version, service, volume, bootId, attachment, formatIntent, growing, lost } = record
  const bare = [...(record.mount ? [record.mount.mountPoint] : []), ...(record.bare ?? [])]
  const kept = {
    ...{ version, service, volume, bootId, references: [] },
    ...(bare.length === 0 ? {} : { bare }),
    ...(growing === undefined ? {} : { growing }),
    // A machine that lost a volume does not take it back at once because it was started anew.
    ...(lost === undefined ? {} : { lost }),
  }
  const isForeign = here !== undefined && attachment?.instanceId !== here
  if (attachment === undefined || isForeign) return kept
  // Disks are counted anew from each boot on.
  const { disk: _disk, ...attached } = attachment
  return { ...kept, attachment: attached, ...(formatIntent === undefined ? {} : { formatIntent }) }
}
