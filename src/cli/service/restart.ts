import type { CommandContext } from '../context.ts'
import { startInBackground } from './background.ts'
import { findServer } from './running-server.ts'
import { stopServer } from './stop.ts'

/** Stops the server if one runs, and starts one in the background. */
export async function restart(context: CommandContext): Promise<number> {
  const server = await findServer(context)
  if (server !== undefined) await stopServer(context, server)
  return await startInBackground(context)
}
