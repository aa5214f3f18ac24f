import { mayBeginTogether } from '../libstorage/attachment-time.ts'
import type { InstanceId, Volume } from '../libstorage/types.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { PlatformFacts } from './reconcile.ts'

/** What the platform says of a volume that it shows, as this machine sees it. */
export function attachedTo({ attachments }: Volume, here: InstanceId): PlatformFacts {
  const mine = attachments.find(({ instanceId }) => instanceId === here)
  if (mine !== undefined) return { says: 'here', since: mine.since.toISOString() }
  if (attachments.length === 0) return { says: 'nowhere' }
  return { says: 'elsewhere', to: attachments.map(({ instanceId }) => instanceId) }
}

/** Whether the platform shows the very attachment that was recorded in this boot. */
export function isConfirmed(
  { attachment, bootId }: LedgerRecord,
  here: InstanceId,
  platform: PlatformFacts,
  boot: string,
): boolean {
  if (attachment?.instanceId !== here || bootId !== boot) return false
  if (platform.says !== 'here' || attachment.since === undefined) return false
  return mayBeginTogether(platform.since, attachment.since)
}

/** Whether it depends on the platform how long the record is kept. */
export function isAskedFor({ attachment, lost, takeOver }: LedgerRecord): boolean {
  return (attachment ?? lost ?? takeOver) !== undefined
}

/** Whether both mean one attachment, or none. */
export function isSameAttachment(one: LedgerRecord, other: LedgerRecord | undefined): boolean {
  return (
    one.attachment?.instanceId === other?.attachment?.instanceId &&
    one.attachment?.since === other?.attachment?.since
  )
}
