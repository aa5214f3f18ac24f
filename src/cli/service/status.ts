import type { CommandContext } from '../context.ts'
import { findServer } from './running-server.ts'
import { titleOf } from './title.ts'

/** Prints whether a server runs, in REX-Ray's words; a success in both cases, as there. */
export async function printStatus(context: CommandContext): Promise<number> {
  const server = await findServer(context)
  const how = server === undefined ? 'is stopped' : `is running at PID ${server.pid}`
  context.stdout.write(`${titleOf(context)} ${how}\n`)
  return 0
}
