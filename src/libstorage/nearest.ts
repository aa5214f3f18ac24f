/** The candidate that a misspelt word most likely meant, without regard to case; undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const folded = word.toLowerCase()
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(folded, candidate.toLowerCase())
    if (best === undefined || distance < best.distance) best = { candidate, distance }
  }
  const tolerated = Math.max(1, Math.floor(word.length / 3))
  return best !== undefined && best.distance <= tolerated ? best.candidate : undefined
}

/** Levenshtein's distance: how many characters are inserted, dropped or replaced. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [row, left] of [...from].entries()) {
    const current = [row + 1]
    for (const [column, right] of [...to].entries()) {
      const replaced = (previous[column] ?? 0) + (left === right ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
