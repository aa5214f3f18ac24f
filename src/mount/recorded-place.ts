import type { LedgerRecord } from './ledger-record.ts'
import type { Place, Places } from './places.ts'

/**
 * Where a volume is while it is mounted: the record says it, and goes before what the configuration says by now. Where it
 * comes next otherwise.
 */
export function placeOf(
  { places }: { readonly places: Places },
  { mount, volume }: Pick<LedgerRecord, 'mount' | 'volume'>,
): Place {
  return mount === undefined ? places.of(volume.name) : places.at(mount.mountPoint)
}
