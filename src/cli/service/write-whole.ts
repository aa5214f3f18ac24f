import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a file for all to read, its folders too, so that nobody ever sees half of it. What is unfinished is hidden: kubelet
 * takes any other file beside its drivers for one. A link in its place, which others may have put there, is not followed.
 */
export function writeWhole(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const written = join(dirname(path), `.${basename(path)}.new`)
  rmSync(written, { force: true })
  writeFileSync(written, text, { mode, flag: 'wx' })
  renameSync(written, path)
}
