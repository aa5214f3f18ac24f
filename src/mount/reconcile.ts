import { mayBeginTogether } from '../libstorage/attachment-time.ts'
import type { InstanceId } from '../libstorage/types.ts'
import { fromEarlierBoot } from './earlier-boot.ts'
import type { LedgerRecord } from './ledger-record.ts'
import { doubtUndelivered } from './references.ts'

/** What the kernel shows of a volume. By looks at its tables alone, which never wait for a disk. */
export interface KernelFacts {
  /**
   * What is at the volume's place: its device, that device but dead (gone, or its file system turned read-only by an error),
   * or nothing of it.
   */
  readonly place: 'mounted' | 'dead' | 'absent'
  readonly mountPoint: string
  /** The device of the volume's attachment to this machine, while the kernel has it. */
  readonly device: string | undefined
  /** What tells that device from a later one of its name; none of a directory. */
  readonly identity?: string | undefined
  /** Where else beneath our folders and those of older versions the device is mounted. */
  readonly olderMounts: readonly string[]
}

/** What the platform says of a volume; it is asked for all of this machine at once, and may not have answered yet. */
export type PlatformFacts =
  | { readonly says: 'nothing yet' }
  /** Attached to this machine, since then (ISO 8601). */
  | { readonly says: 'here'; readonly since: string }
  | { readonly says: 'elsewhere'; readonly to: readonly InstanceId[] }
  | { readonly says: 'nowhere' }
  /** There is no such volume any more. */
  | { readonly says: 'gone' }

/** All that a record is compared with. */
export interface Facts {
  readonly bootId: string
  /** ISO 8601. */
  readonly now: string
  /** This machine; undefined while that is not known. */
  readonly here: InstanceId | undefined
  readonly kernel: KernelFacts
  readonly platform: PlatformFacts
}

/**
 * What to do about a record.
 *
 * - `nothing`: it is as it was meant.
 * - `release`: it was cut short, nobody has a reference.
 * - `release unless mounted`: attached since before the reboot; whoever used it gets the time to come back.
 * - `finish format`: an mkfs was cut short; if nobody repeats the Mount, it is finished before the volume is let go.
 * - `put back`: it is used, and was taken from its place by a process that died before it put it back.
 * - `doubt`: there are references whose holder may never have learned of them.
 * - `ask again`: the platform denies what the kernel shows, and may lag behind.
 * - `lost`: its device is gone, to these machines as far as the platform says.
 */
export type NextStep =
  | {
      readonly kind:
        | 'nothing'
        | 'release'
        | 'release unless mounted'
        | 'finish format'
        | 'put back'
        | 'doubt'
        | 'ask again'
    }
  | { readonly kind: 'lost'; readonly to: readonly InstanceId[] }

/** What a record becomes, and what is to be done about it. */
export interface Reconciled {
  readonly record: LedgerRecord
  readonly next: NextStep
}

/** Compares what was meant with what is. Pure: the same facts give the same answer, and a second look changes nothing. */
export function reconcile(before: LedgerRecord, facts: Facts): Reconciled {
  const ofThisBoot = before.bootId === facts.bootId ? before : fromEarlierBoot(before, facts.here)
  const fate = fateOf(ofThisBoot, facts)
  const known = facts.platform.says === 'gone' ? withoutMemories(ofThisBoot) : ofThisBoot
  const found = withDisk(withMounts(withAttachment(known, facts, fate), facts), facts)
  const record = { ...found, references: doubtUndelivered(found.references, facts.now) }
  return { record, next: nextStep(record, facts, fate) }
}

/** `open`: the platform has not said, or does not contradict. `ended`: this attachment is over. */
type Fate = 'open' | 'ended' | 'contradicted'

function fateOf({ attachment }: LedgerRecord, { platform, kernel }: Facts): Fate {
  // An attach whose reply never came is not over: the platform may not show it yet.
  if (attachment?.since === undefined || platform.says === 'nothing yet') return 'open'
  if (platform.says === 'here' && mayBeginTogether(platform.since, attachment.since)) return 'open'
  // The device is the better witness: a platform may lag behind what was done a moment ago.
  if (platform.says !== 'here' && kernel.device !== undefined) return 'contradicted'
  return 'ended'
}

function nextStep(record: LedgerRecord, facts: Facts, fate: Fate): NextStep {
  const { references } = record
  if (fate === 'contradicted') return { kind: 'ask again' }
  if (fate === 'ended' && !isWorking(facts) && isUsed(record))
    return { kind: 'lost', to: facts.platform.says === 'elsewhere' ? facts.platform.to : [] }
  if (references.length > 0) return stepOfUsed(references, facts)
  // Who uses what was found is not known: it waits for an Unmount.
  if (isUsed(record) && isFound(facts)) return { kind: 'nothing' }
  // Detaching now would end the attachment on which the permission to format again hangs.
  if (record.formatIntent !== undefined && fate === 'open') return { kind: 'finish format' }
  return { kind: record.bootId === facts.bootId ? 'release' : 'release unless mounted' }
}

function stepOfUsed(references: LedgerRecord['references'], facts: Facts): NextStep {
  if (isMissing(facts)) return { kind: 'put back' }
  const isDoubted = references.some(({ doubtedSince }) => doubtedSince !== undefined)
  return { kind: isDoubted ? 'doubt' : 'nothing' }
}

/** Also where only somebody unknown may: what was found mounted without a record. */
function isUsed({ references, adopted }: LedgerRecord): boolean {
  return references.length > 0 || adopted === true
}

function isFound({ kernel }: Facts): boolean {
  return kernel.place !== 'absent' || kernel.olderMounts.length > 0
}

function isMissing({ kernel }: Facts): boolean {
  return kernel.device !== undefined && kernel.place === 'absent' && kernel.olderMounts.length === 0
}

function isWorking({ kernel }: Facts): boolean {
  return kernel.place === 'mounted' && kernel.device !== undefined
}

/** Who took a volume, or was to let it go, says nothing once there is no such volume. */
function withoutMemories({
  lost: _lost,
  takeOver: _takeOver,
  ...record
}: LedgerRecord): LedgerRecord {
  return record
}

/** What the platform knows better: when an attachment began whose reply never came, and that another has taken its place. */
function withAttachment(record: LedgerRecord, facts: Facts, fate: Fate): LedgerRecord {
  const { attachment } = record
  if (attachment === undefined || facts.platform.says !== 'here') return record
  const renewed = {
    instanceId: facts.here ?? attachment.instanceId,
    since: facts.platform.since,
  }
  if (attachment.since === undefined) return { ...record, attachment: renewed }
  if (attachment.since === renewed.since) return record
  // It is another attachment, or may be one: no format was begun on that.
  const { formatIntent: _intent, ...kept } = record
  if (fate !== 'ended') return kept
  // Somebody attached it anew by hand: that is ours only where it is mounted at its place.
  if (isWorking(facts)) return { ...kept, attachment: renewed, adopted: true }
  // Whoever used ours has lost it, which is still to be told.
  return isUsed(record) ? kept : { ...kept, attachment: undefined }
}

/** The disk of an attachment is known from when it was first seen; that of one that has ended may be another's by now. */
function withDisk(record: LedgerRecord, { bootId, kernel, platform }: Facts): LedgerRecord {
  const { attachment } = record
  const { device, identity } = kernel
  if (attachment === undefined || attachment.disk !== undefined) return record
  const { since = '' } = attachment
  if (platform.says === 'here' && !mayBeginTogether(platform.since, since)) return record
  if (record.bootId !== bootId) return record
  if (device === undefined || identity === undefined) return record
  return { ...record, attachment: { ...attachment, disk: { device, identity } } }
}

/** Takes into the record what is mounted and was not known, and out of it what older versions had and is gone. */
function withMounts(record: LedgerRecord, { bootId, now, kernel }: Facts): LedgerRecord {
  const { place, mountPoint, device, identity, olderMounts } = kernel
  const { olderMounts: _before, ...rest } = record
  const kept: LedgerRecord = olderMounts.length === 0 ? rest : { ...rest, olderMounts, bootId }
  const adopted = olderMounts.length === 0 ? kept : { ...kept, adopted: true }
  if (record.mount !== undefined || place !== 'mounted' || device === undefined) return adopted
  const mount = { mountPoint, device, identity, since: now, complete: false }
  return { ...adopted, bootId, mount, adopted: true }
}
