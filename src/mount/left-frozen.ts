import type { ThisMachine } from '../libstorage/process-identity.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { Mounter } from './mounter.ts'
import type { Places } from './places.ts'
import { placeOf } from './recorded-place.ts'

/** The tool that the ledger names while a volume's file system is frozen. */
export const FREEZER = 'fsfreeze'

/** Thaws the volume of a record; one that is not frozen stays as it is. Rejects where it may still be frozen. */
export type Thaw = (record: LedgerRecord) => Promise<void>

/** Thaws volumes where their records say that they are mounted. */
export function thawing(mounter: Mounter, places: Places): Thaw {
  return (record) => mounter.thaw(placeOf({ places }, record).mountPoint)
}

/** Whether a volume may be frozen with nobody left to thaw it: its process and the guard of the freeze were killed. */
export function isLeftFrozen({ tool }: LedgerRecord, machine: ThisMachine): boolean {
  return tool?.command === FREEZER && machine.isProvablyDead(tool.process)
}
