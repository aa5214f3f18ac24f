import { NotFoundError } from '../libstorage/errors.ts'
import { findVolume } from './find-by-name.ts'
import type { IntegrationCall } from './integration-driver.ts'
import type { LedgerRecord } from './ledger-record.ts'
import type { MountContext } from './mount-context.ts'

/**
 * The record of the volume that a name means, without any call where a record has exactly that name. Where one only
 * differs in letter case, it is looked up whether that is the volume: an unused one of exactly that name has no record. So it
 * is where a record cannot be read: a `StorageError` then, if it is that one.
 */
export async function findRecord(
  context: MountContext,
  name: string,
  call: IntegrationCall,
): Promise<LedgerRecord | undefined> {
  const { ledger } = context
  const record = ledger.named(name)
  if (record?.volume.name === name || record?.volume.id === name) return record
  if (record === undefined && ledger.isWhole()) return undefined
  try {
    const volume = await findVolume(context, name, call)
    return ledger.get(volume.id)
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}
