import type { LedgerRecord } from './ledger-record.ts'
import { doubtUndelivered } from './references.ts'

/** What the kernel says about a volume that the ledger knows, when a server starts. */
export interface KernelFacts {
  readonly bootId: string
  /** Whether the volume is found at its place. */
  readonly published: boolean
  readonly now: string
}

/**
 * What to do about a record at start. `release`: it was cut short, nobody has a reference. `doubt`: there are references
 * whose holder may never have learned of them. `wait`: nothing now; a repeat of what was cut short finishes it.
 */
export type NextStep = 'nothing' | 'release' | 'doubt' | 'wait'

/** What a record becomes, and what is to be done about it. */
export interface Reconciled {
  readonly record: LedgerRecord
  readonly next: NextStep
}

/** Compares what was meant with what is. Pure: the same facts give the same answer. */
export function reconcile(before: LedgerRecord, facts: KernelFacts): Reconciled {
  const record = before.bootId === facts.bootId ? before : afterReboot(before, facts.bootId)
  const references = doubtUndelivered(record.references, facts.now)
  const after = { ...record, references }
  if (references.some(({ doubtedSince }) => doubtedSince !== undefined))
    return { record: after, next: 'doubt' }
  if (references.length > 0) return { record: after, next: 'nothing' }
  // Who uses what was found is not known: it waits for an Unmount.
  if (record.adopted === true && record.mount !== undefined)
    return { record: after, next: 'nothing' }
  // Detaching now would end the attachment on which the permission to format again hangs.
  if (record.formatIntent !== undefined) return { record: after, next: 'wait' }
  if (before.bootId !== facts.bootId && !facts.published) return { record: after, next: 'wait' }
  return { record: after, next: 'release' }
}

/** Mounts, references and processes do not outlive a boot; attachments may. */
function afterReboot(record: LedgerRecord, bootId: string): LedgerRecord {
  const { mount: _mount, tool: _tool, releasing: _releasing, ...rest } = record
  return { ...rest, bootId, references: [] }
}
