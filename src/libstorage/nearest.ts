/** The candidate that differs least from a misspelled word without regard to case, or undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3))
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { candidate, distance }
    }
  }
  return best?.candidate
}

/** How many characters have to be inserted, deleted or replaced to make one word of the other (Levenshtein). */
export function editDistance(a: string, b: string): number {
  const right = [...b]
  let previous = [0, ...right.map((_, index) => index + 1)]
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1]
    for (const [column, other] of right.entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1)
      const deleted = (previous[column + 1] ?? 0) + 1
      const inserted = (current[column] ?? 0) + 1
      current.push(Math.min(replaced, deleted, inserted))
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}
