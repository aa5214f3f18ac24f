import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LISTENING_FILE } from '../../pid-file.ts'

/** Whether this process has said that it listens on all its sockets. */
export function isListening(runDirectory: string, pid: number): boolean {
  try {
    return readFileSync(join(runDirectory, LISTENING_FILE), 'utf8') === `${pid}\n`
  } catch {
    return false
  }
}

/** What a server that was killed has left is not the word of the next one, which may have its pid. */
export function forgetListening(runDirectory: string): void {
  rmSync(join(runDirectory, LISTENING_FILE), { force: true })
}
