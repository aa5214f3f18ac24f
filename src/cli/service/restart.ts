import type { CommandContext } from '../context.ts'
import { chooseStart } from './background.ts'
import { findServer } from './running-server.ts'
import { stopServer, unitRunning } from './stop.ts'

/** Stops the server if one runs, and starts one in the background, by systemd where that ran the one before. */
export async function restart(context: CommandContext): Promise<number> {
  const server = await findServer(context)
  const unit = server && (await unitRunning(context, server))
  const start = await chooseStart(context, unit)
  if (server !== undefined) await stopServer(context, server)
  return await start()
}
