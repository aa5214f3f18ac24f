import { type OutputOptions, templateOf } from './forms.ts'
import { renderJson } from './json.ts'
import { type Column, renderTable } from './table.ts'
import type { TemplateFunction } from './template/functions.ts'
import type { TemplateObject } from './template/values.ts'

/** How things of one kind are shown. */
export interface Listing<Row> {
  /** REX-Ray's columns, for exactly these rows. */
  columns(rows: readonly Row[]): readonly Column<Row>[]
  /** REX-Ray's JSON, with its fields in its order. */
  report(row: Row): object
  /** What templates see, by the names that REX-Ray's have. */
  fields(row: Row): TemplateObject
  compare(a: Row, b: Row): number
  /** One that has everything, to try a template on before anything is done. */
  readonly sample: Row
  readonly functions?: Readonly<Record<string, TemplateFunction>>
}

/** The text of some rows, in the order of their kind. */
export type Printer<Row> = (rows: readonly Row[]) => string

/**
 * Gets ready to print in the form that is asked for. Rejects with `InvalidArgumentError` about a template that cannot be
 * read or asks for a field that no row has, so that nothing is done whose result could not be shown.
 */
export async function openPrinter<Row>(
  listing: Listing<Row>,
  options: OutputOptions,
): Promise<Printer<Row>> {
  const render = await openRenderer(listing, options)
  return (rows) => render(rows.toSorted((a, b) => listing.compare(a, b)))
}

async function openRenderer<Row>(
  listing: Listing<Row>,
  options: OutputOptions,
): Promise<Printer<Row>> {
  const template = templateOf(options)
  if (template !== undefined) {
    const { openTemplatePrinter } = await import('./template-printer.ts')
    return openTemplatePrinter(listing, template)
  }
  const { format, quiet = false } = options
  switch (format) {
    case 'json':
    case 'jsonp':
      return (rows) => renderJson(rows.map(listing.report), format)
    case 'yaml': {
      const { renderYaml } = await import('./yaml.ts')
      return (rows) => renderYaml(rows.map(listing.report))
    }
    default:
      return (rows) => renderTable(listing.columns(rows), rows, { heading: !quiet })
  }
}

/** By code units, so that the order is the same under every locale. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
