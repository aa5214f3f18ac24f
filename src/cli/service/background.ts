import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Flags } from '../../config/load.ts'
import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { CommandContext } from '../context.ts'
import { withProgress } from '../progress.ts'
import { forgetListening, isListening } from './listening.ts'
import { findServer, type RunningServer } from './running-server.ts'
import { printStatus } from './status.ts'
import { Systemd } from './systemd.ts'
import { titleOf } from './title.ts'
import { startUnit } from './unit-start.ts'

/** A start listens within a second; a machine that has just booted may take its time. */
const START_MS = 60_000
const LOOK_MS = 50

/** Starts a server that goes on when this command has ended, and returns when it listens. */
export async function startInBackground(context: CommandContext): Promise<number> {
  const running = await findServer(context)
  if (running !== undefined) throw alreadyRunning(running)
  const start = await chooseStart(context)
  return await start()
}

/**
 * How a server is started: by the unit that ran the one before, or that is this program's and of this home, else as a
 * process. Rejects with `FailedPreconditionError` about flags, which systemd would not hand on.
 */
export async function chooseStart(
  context: CommandContext,
  unitBefore?: string,
): Promise<() => Promise<number>> {
  const { stdout, stderr, host } = context
  const systemd = new Systemd(await host.systemd(), host.run)
  const directories = await host.directories()
  const script = host.command.at(-1) ?? ''
  const unit = unitBefore ?? systemd.unitFor({ script, directories })
  if (unit !== undefined) refuseFlags(context, unit)
  return async () => {
    stdout.write(`Starting ${titleOf(context)}...`)
    forgetListening(directories.run)
    await withProgress(stderr, 'starting', () =>
      unit === undefined ? startProcess(context) : startUnit(context, systemd, unit),
    )
    stdout.write('SUCCESS!\n')
    return await printStatus(context)
  }
}

/** What a unit starts has the flags that stand in it: with others it might serve empty namesakes. */
function refuseFlags({ flags, invocation }: CommandContext, unit: string): void {
  const given = flagArguments(flags()).map((flag) => flag.replace(/=.*/s, ''))
  if (given.length === 0) return
  throw new FailedPreconditionError({
    subject: `${unit}, by which systemd starts the server,`,
    problem: `is not told ${given.join(', ')}`,
    remedy: `write it to the configuration, or to ExecStart (systemctl edit ${unit}), or serve in the foreground by ${invocation} start`,
  })
}

async function startProcess(context: CommandContext): Promise<void> {
  const { log, run } = await context.host.directories()
  await makeFolder(log, 0o755)
  const logFile = join(log, 'rexray.out')
  const before = sizeOf(logFile)
  const args = [...flagArguments(context.flags()), 'start', '--foreground']
  const server = await context.host.startServer(args, logFile)
  let endedWith: number | undefined
  const noteEnd = server.ended.then((status) => {
    endedWith = status
  })
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += LOOK_MS) {
    if (isListening(run, server.pid)) return
    if (endedWith !== undefined) {
      await noteEnd
      throw startFailed(endedWith, logFile, before)
    }
    await sleep(LOOK_MS)
  }
  throw new TimeoutError({
    subject: `the server, process ${server.pid},`,
    problem: `does not listen after ${START_MS / 1_000} s`,
    remedy: `look into ${logFile}`,
  })
}

function flagArguments({ configFile, host, service, logLevel, properties = {} }: Flags): string[] {
  const given = {
    config: configFile === undefined ? undefined : resolve(configFile),
    host,
    service,
    logLevel,
    ...properties,
  }
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  )
}

function startFailed(status: number, logFile: string, from: number): FailedPreconditionError {
  const said = readFileSync(logFile).subarray(from).toString().trimEnd().split('\n')
  const why = said.at(-1)?.replace(/^(?:remora|rexray): /, '') || `it ended with ${status}`
  return new FailedPreconditionError({
    subject: 'service startup',
    problem: `failed: ${why}`,
    remedy: `look into ${logFile}`,
  })
}

function alreadyRunning({ pid }: RunningServer): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: 'a server',
    problem: `is already running at pid ${pid}`,
  })
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
