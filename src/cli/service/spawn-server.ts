import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import type { StartedServer } from '../context.ts'

/** Starts a program in a session of its own, which outlives this process; what it says is added to a file. */
export function spawnServer(command: readonly string[], logFile: string): StartedServer {
  const [program = '', ...args] = command
  const log = openSync(logFile, 'a', 0o640)
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] })
    child.unref()
    const ended = new Promise<number>((resolve) => {
      child.once('error', () => resolve(1))
      child.once('exit', (status) => resolve(status ?? 1))
    })
    if (child.pid !== undefined) return { pid: child.pid, ended }
    throw new FailedPreconditionError({ subject: program, problem: 'could not be started' })
  } finally {
    closeSync(log)
  }
}
