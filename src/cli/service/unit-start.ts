import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { CommandContext } from '../context.ts'
import { isListening } from './listening.ts'
import { findServer } from './running-server.ts'
import type { Systemd } from './systemd.ts'

/** A start listens within a second; a machine that has just booted may take its time. */
const START_MS = 60_000
const LOOK_MS = 200

/**
 * Has systemd start a unit, and returns when its server listens: `systemctl start` itself returns when the process is
 * there. Rejects with `FailedPreconditionError` where that ends before.
 */
export async function startUnit(
  context: CommandContext,
  systemd: Systemd,
  unit: string,
): Promise<void> {
  await systemd.control('start', unit)
  const restarts = (await systemd.state(unit)).get('NRestarts')
  const { run } = await context.host.directories()
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += LOOK_MS) {
    const server = await findServer(context)
    if (server !== undefined && isListening(run, server.pid)) return
    requireRunning(unit, await systemd.state(unit), restarts)
    await sleep(LOOK_MS)
  }
  throw new TimeoutError({
    subject: `the server of ${unit}`,
    problem: `does not listen after ${START_MS / 1_000} s`,
    remedy: `look at journalctl -u ${unit}`,
  })
}

/** One that ends with an error is started again and again, and never counts as failed. */
function requireRunning(
  unit: string,
  state: ReadonlyMap<string, string>,
  restarts: string | undefined,
): void {
  const isAgain = /^auto-restart/.test(state.get('SubState') ?? '')
  const isOver = ['failed', 'inactive', 'deactivating'].includes(state.get('ActiveState') ?? '')
  if (!isAgain && !isOver && state.get('NRestarts') === restarts) return
  throw new FailedPreconditionError({
    subject: 'service startup',
    problem: `failed: the server of ${unit} ended (${state.get('Result') ?? 'unknown'})`,
    remedy: `look at journalctl -u ${unit}${isOver ? '' : '; systemd goes on trying'}`,
  })
}
