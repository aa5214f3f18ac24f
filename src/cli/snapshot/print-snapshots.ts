import type { Snapshot } from '../../libstorage/types.ts'
import type { Output } from '../context.ts'
import { renderJson } from '../output/json.ts'
import { type Column, renderTable } from '../output/table.ts'
import type { FORMATS } from '../volume/print-volumes.ts'

/** How snapshots are printed. */
export interface PrintSnapshotOptions {
  readonly format: (typeof FORMATS)[number]
  /** Without the line of headings. */
  readonly quiet?: boolean
}

/** REX-Ray's columns. */
const COLUMNS: readonly Column<Snapshot>[] = [
  { heading: 'ID', text: ({ id }) => id },
  { heading: 'Name', text: ({ name }) => name },
  { heading: 'Status', text: ({ state }) => state },
  { heading: 'VolumeID', text: ({ volumeId }) => volumeId },
]

/** Prints snapshots, those of one volume together, the oldest first. */
export function printSnapshots(
  stdout: Output,
  snapshots: readonly Snapshot[],
  { format, quiet = false }: PrintSnapshotOptions,
): void {
  const sorted = snapshots.toSorted(
    (a, b) =>
      compare(a.volumeId, b.volumeId) ||
      a.createdAt.getTime() - b.createdAt.getTime() ||
      compare(a.id, b.id),
  )
  stdout.write(
    format === 'table'
      ? renderTable(COLUMNS, sorted, { heading: !quiet })
      : renderJson(sorted.map(snapshotReport), format),
  )
}

/** A snapshot as REX-Ray's JSON has it: its fields in its order, times in seconds since 1970. */
function snapshotReport({ id, name, state, volumeId, ...rest }: Snapshot): object {
  return {
    id,
    ...(name !== '' && { name }),
    startTime: Math.floor(rest.createdAt.getTime() / 1000),
    status: state,
    volumeID: volumeId,
    volumeSize: rest.sizeGiB,
    ...(Object.keys(rest.labels).length > 0 && { fields: rest.labels }),
  }
}

/** By code units, so that the order is the same under every locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
