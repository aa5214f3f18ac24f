import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { makeFolderNow } from './libstorage/make-folder.ts'

/** The file, in the run directory, by which scripts find the server's process, as with REX-Ray. */
export const PID_FILE = 'rexray.pid'

/** The file, beside it, that has the same in it while the server listens on all its sockets. */
export const LISTENING_FILE = 'rexray.listening'

/**
 * Writes the id of this process, over that of a server which is gone, and returns what takes it away again. Only whoever
 * holds the server's lock may call it.
 */
export function writePidFile(
  runDirectory: string,
  name: typeof PID_FILE | typeof LISTENING_FILE = PID_FILE,
): () => void {
  const file = path.join(runDirectory, name)
  const text = `${process.pid}\n`
  makeFolderNow(runDirectory)
  writeFileSync(file, text)
  return () => {
    if (readIfThere(file) === text) rmSync(file, { force: true })
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
