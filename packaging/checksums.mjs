import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesIn, put } from './tree.mjs'

/** Writes `SHA256SUMS` of all that lies in a folder, as `sha256sum --check` reads it. */
export function writeChecksums(_project, output) {
  const sums = filesIn(output).map((file) => {
    const sum = createHash('sha256')
      .update(readFileSync(join(output, file)))
      .digest('hex')
    return `${sum}  ${file}\n`
  })
  put(output, 'SHA256SUMS', sums.join(''))
}
