/** A word as a POSIX shell reads it: as it is, also over several lines. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** A word for a command that people read and copy: as it is where a POSIX shell reads it so, else quoted. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quoted(word)
}
