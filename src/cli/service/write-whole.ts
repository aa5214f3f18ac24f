import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a file for all to read, its folders too, so that nobody ever sees half of it. What is unfinished is hidden: kubelet
 * takes any other file beside its drivers for one.
 */
export function writeWhole(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const written = join(dirname(path), `.${basename(path)}.new`)
  writeFileSync(written, text, { mode })
  renameSync(written, path)
}
