import type { VolumeView } from '../../mount/integration-driver.ts'
import type { Output } from '../context.ts'
import { renderJson } from '../output/json.ts'
import { type Column, renderTable } from '../output/table.ts'
import type { CommandSession } from './command-session.ts'
import { type Viewpoint, volumeReport, volumeStatus } from './volume-report.ts'

/** In which form volumes are printed. */
export const FORMATS = ['table', 'json', 'jsonp'] as const

/** How volumes are printed. */
export interface PrintOptions {
  readonly format: (typeof FORMATS)[number]
  /** Without the line of headings. */
  readonly quiet?: boolean
  /** With the directory that containers get. */
  readonly path?: boolean
}

/** Prints volumes in the order of their names. */
export function printVolumes(
  stdout: Output,
  views: readonly VolumeView[],
  viewpoint: Viewpoint,
  { format, quiet = false, path = false }: PrintOptions,
): void {
  const sorted = [...views].sort((a, b) => compare(a.volume.name, b.volume.name))
  if (format === 'table') {
    const columns = volumeColumns(sorted, viewpoint, path)
    stdout.write(renderTable(columns, sorted, { heading: !quiet }))
    return
  }
  const reports = sorted.map((view) => ({
    ...volumeReport(view, viewpoint),
    ...(path && { Path: view.mountpoint ?? '' }),
  }))
  stdout.write(renderJson(reports, format))
}

/** Prints the volumes that the work was done to, also when it fails at a later one; nothing where it was done to none. */
export async function printEvenIfItFails(
  { stdout, viewpoint }: CommandSession,
  options: PrintOptions,
  work: (done: VolumeView[]) => Promise<number>,
): Promise<number> {
  const here = await viewpoint()
  const done: VolumeView[] = []
  try {
    return await work(done)
  } finally {
    if (done.length > 0) printVolumes(stdout, done, here, options)
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

/** By code units, so that the order is the same under every locale. */
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
