import type { Viewpoint, VolumeView } from '../../mount/integration-driver.ts'
import type { OutputOptions } from '../output/forms.ts'
import { compareTexts, type Listing, openPrinter, type Printer } from '../output/printer.ts'
import type { Column } from '../output/table.ts'
import type { CommandSession } from '../session.ts'
import { sampleVolume, volumeFields, volumeFunctions } from './volume-fields.ts'
import { volumeReport, volumeStatus } from './volume-report.ts'

/** How volumes are printed. */
export interface PrintOptions extends OutputOptions {
  /** With the directory that containers get. */
  readonly path?: boolean
}

/** Gets ready to print volumes in the order of their names, seen from this machine. */
export async function openVolumePrinter(
  { viewpoint }: Pick<CommandSession, 'viewpoint'>,
  options: PrintOptions,
): Promise<Printer<VolumeView>> {
  return await openPrinter(volumeListing(await viewpoint(), options.path === true), options)
}

/** Prints the volumes that the work was done to, also when it fails at a later one; nothing where it was done to none. */
export async function printEvenIfItFails(
  session: CommandSession,
  options: PrintOptions,
  work: (done: VolumeView[]) => Promise<number>,
): Promise<number> {
  const print = await openVolumePrinter(session, options)
  const done: VolumeView[] = []
  try {
    return await work(done)
  } finally {
    if (done.length > 0) session.stdout.write(print(done))
  }
}

function volumeListing(viewpoint: Viewpoint, withPath: boolean): Listing<VolumeView> {
  return {
    columns: (views) => volumeColumns(views, viewpoint, withPath),
    report: (view) => ({
      ...volumeReport(view, viewpoint),
      ...(withPath && { Path: view.mountpoint ?? '' }),
    }),
    fields: (view) => volumeFields(view, viewpoint),
    compare: (a, b) => compareTexts(a.volume.name, b.volume.name),
    sample: sampleVolume(viewpoint),
    functions: volumeFunctions,
  }
}

function volumeColumns(
  views: readonly VolumeView[],
  viewpoint: Viewpoint,
  path: boolean,
): readonly Column<VolumeView>[] {
  const columns: Column<VolumeView>[] = [
    { heading: 'ID', text: ({ volume }) => volume.id },
    { heading: 'Name', text: ({ volume }) => volume.name },
    { heading: 'Status', text: ({ volume }) => volumeStatus(volume, viewpoint) },
    { heading: 'Size', text: ({ volume }) => String(volume.sizeGiB) },
  ]
  if (views.some(({ volume }) => volume.encrypted === true)) {
    columns.push({ heading: 'Encrypted', text: ({ volume }) => String(volume.encrypted === true) })
  }
  if (path) columns.push({ heading: 'Path', text: ({ mountpoint }) => mountpoint ?? '' })
  return columns
}
