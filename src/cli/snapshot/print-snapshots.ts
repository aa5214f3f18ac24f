import type { Snapshot } from '../../libstorage/types.ts'
import type { OutputOptions } from '../output/forms.ts'
import { compareTexts, type Listing, openPrinter, type Printer } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'

/** Gets ready to print snapshots, those of one volume together, the oldest first. */
export async function openSnapshotPrinter(options: OutputOptions): Promise<Printer<Snapshot>> {
  return await openPrinter(LISTING, options)
}

const LISTING: Listing<Snapshot> = {
  columns: () => [
    { heading: 'ID', text: ({ id }) => id },
    { heading: 'Name', text: ({ name }) => name },
    { heading: 'Status', text: ({ state }) => state },
    { heading: 'VolumeID', text: ({ volumeId }) => volumeId },
  ],
  report: snapshotReport,
  fields: (snapshot) =>
    new TemplateObject(
      'a snapshot',
      {
        Description: '',
        Name: snapshot.name,
        Fields: new Map(Object.entries(snapshot.labels)),
        ID: snapshot.id,
        StartTime: seconds(snapshot.createdAt),
        Status: snapshot.state,
        VolumeID: snapshot.volumeId,
        VolumeSize: snapshot.sizeGiB,
      },
      snapshotReport(snapshot),
    ),
  compare: (a, b) =>
    compareTexts(a.volumeId, b.volumeId) ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    compareTexts(a.id, b.id),
  sample: {
    id: 'snap-0',
    name: 'sample',
    volumeId: 'vol-0',
    sizeGiB: 1,
    state: 'complete',
    createdAt: new Date(0),
    labels: {},
  },
}

/** A snapshot as REX-Ray's JSON has it: its fields in its order, times in seconds since 1970. */
function snapshotReport({ id, name, state, volumeId, ...rest }: Snapshot): object {
  return {
    id,
    ...(name !== '' && { name }),
    startTime: seconds(rest.createdAt),
    status: state,
    volumeID: volumeId,
    volumeSize: rest.sizeGiB,
    ...(Object.keys(rest.labels).length > 0 && { fields: rest.labels }),
  }
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
