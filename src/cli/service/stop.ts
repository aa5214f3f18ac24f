import { TimeoutError } from '../../libstorage/errors.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { CommandContext } from '../context.ts'
import { withProgress } from '../progress.ts'
import { findServer, type RunningServer } from './running-server.ts'
import { Systemd } from './systemd.ts'
import { titleOf } from './title.ts'

/** A server waits up to 120 s for calls under way, and for tools that it closes. */
const STOP_MS = 180_000
const LOOK_MS = 50

/** Stops the server, and waits until it has ended. Resolves with 1, as REX-Ray does, where none runs. */
export async function stop(context: CommandContext): Promise<number> {
  const server = await findServer(context)
  const { stdout } = context
  if (server === undefined) {
    stdout.write(`${titleOf(context)} is already stopped\n`)
    return 1
  }
  stdout.write(`Shutting down ${titleOf(context)}...`)
  await stopServer(context, server)
  stdout.write('SUCCESS!\n')
  return 0
}

/** Has systemd stop the unit of this server, which it would start again otherwise; any other server is asked itself. */
export async function stopServer(context: CommandContext, server: RunningServer): Promise<void> {
  const unit = await unitRunning(context, server)
  if (unit !== undefined) await (await systemdOf(context)).control('stop', unit)
  if (server.hasEnded()) return
  server.terminate()
  await withProgress(context.stderr, `waiting for process ${server.pid} to end`, () =>
    untilEnded(server),
  )
}

/** The unit of systemd that runs this server; undefined where none does. */
export async function unitRunning(
  context: CommandContext,
  { pid }: RunningServer,
): Promise<string | undefined> {
  return await (await systemdOf(context)).unitOf(pid)
}

async function systemdOf({ host }: CommandContext): Promise<Systemd> {
  return new Systemd(await host.systemd(), host.run)
}

async function untilEnded(server: RunningServer): Promise<void> {
  for (let waitedMs = 0; waitedMs < STOP_MS; waitedMs += LOOK_MS) {
    if (server.hasEnded()) return
    await sleep(LOOK_MS)
  }
  throw new TimeoutError({
    subject: `the server, process ${server.pid},`,
    problem: 'has been asked to stop and still finishes what is under way',
    remedy: 'wait for it, or look at its log',
  })
}
