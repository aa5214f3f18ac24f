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

/** What a record says of mounts once the volume is not at its place any more: an earlier configuration's is still to be removed. */
export function withoutMount(
  { places }: { readonly places: Places },
  { mount, volume, bare = [] }: Pick<LedgerRecord, 'mount' | 'volume' | 'bare'>,
): Pick<LedgerRecord, 'mount' | 'bare'> {
  const left = mount?.mountPoint
  const isKnown = left === undefined || left === places.of(volume.name).mountPoint
  return { mount: undefined, ...(isKnown ? {} : { bare: [...new Set([...bare, left])] }) }
}

/** Every place at which the volume's bare mount point may be. */
export function placesToTidy(
  context: { readonly places: Places },
  record: Pick<LedgerRecord, 'mount' | 'volume' | 'bare'>,
): readonly Place[] {
  const { places } = context
  const points = [places.of(record.volume.name), placeOf(context, record)]
  const all = [...points.map(({ mountPoint }) => mountPoint), ...(record.bare ?? [])]
  return [...new Set(all)].map((mountPoint) => places.at(mountPoint))
}
