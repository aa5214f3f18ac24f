/** A column: its heading, and its text for one row. */
export interface Column<Row> {
  readonly heading: string
  readonly text: (row: Row) => string
}

const GAP = '  '

/** Left-aligned columns two spaces apart, without spaces at the ends of lines; REX-Ray's layout. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { heading }: { readonly heading: boolean },
): string {
  const body = rows.map((row) => columns.map(({ text }) => printable(text(row))))
  const lines = heading ? [columns.map((column) => column.heading), ...body] : body
  const widths = columns.map((_, index) =>
    Math.max(...lines.map((cells) => cells[index]?.length ?? 0)),
  )
  return lines
    .map((cells) => cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(GAP))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** A name that another machine chose must not steer this one's terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD')
}
