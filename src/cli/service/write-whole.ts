import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a file for all to read, its folders too, so that nobody ever sees half of it. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const written = `${path}.new`
  writeFileSync(written, text, { mode: 0o644 })
  renameSync(written, path)
}
