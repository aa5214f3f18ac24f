const GAP = 2

/**
 * Aligns cells that end with a tab: those of neighbouring lines that stand above each other are as wide as the widest and
 * two spaces apart, as Go's tabwriter does. What stands behind the last tab of a line is left alone.
 */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const most = Math.max(...lines.map((cells) => cells.length))
  for (let column = 0; column < most - 1; column += 1) {
    for (const block of blocksWith(lines, column)) alignColumn(block, column)
  }
  return lines.map((cells) => cells.join('')).join('\n')
}

/** Lines right beneath each other that all have a cell with a tab there. */
function blocksWith(lines: readonly string[][], column: number): readonly string[][][] {
  const blocks: string[][][] = [[]]
  for (const cells of lines) {
    if (cells.length > column + 1) blocks.at(-1)?.push(cells)
    else blocks.push([])
  }
  return blocks
}

function alignColumn(block: readonly string[][], column: number): void {
  const lengthOf = (cells: string[]) => [...(cells[column] ?? '')].length
  const width = Math.max(...block.map(lengthOf)) + GAP
  for (const cells of block) {
    cells[column] = `${cells[column] ?? ''}${' '.repeat(width - lengthOf(cells))}`
  }
}
