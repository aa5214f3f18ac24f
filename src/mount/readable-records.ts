import { isStorageError } from '../libstorage/errors.ts'
import type { Ledger } from './ledger.ts'
import type { LedgerRecord } from './ledger-record.ts'

/** All records, for who only watches: none where the ledger cannot be read, since whoever needs it says so. */
export function readableRecords(ledger: Pick<Ledger, 'all'>): readonly LedgerRecord[] {
  try {
    return ledger.all()
  } catch (error) {
    if (isStorageError(error)) return []
    throw error
  }
}
