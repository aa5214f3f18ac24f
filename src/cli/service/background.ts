import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Flags } from '../../config/load.ts'
import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { makeFolder } from '../../libstorage/make-folder.ts'
import { sleep } from '../../libstorage/wait.ts'
import type { CommandContext } from '../context.ts'
import { withProgress } from '../progress.ts'
import { findServer, type RunningServer } from './running-server.ts'
import { printStatus } from './status.ts'
import { Systemd } from './systemd.ts'
import { titleOf } from './title.ts'

/** A start listens within a second; a machine that has just booted may take its time. */
const START_MS = 60_000
const LOOK_MS = 50

/** Starts a server that goes on when this command has ended, and returns when it listens. */
export async function startInBackground(context: CommandContext): Promise<number> {
  const running = await findServer(context)
  if (running !== undefined) throw alreadyRunning(running)
  const { stdout, stderr, host } = context
  const systemd = new Systemd('/', host.run)
  const unit = systemd.isBooted() ? systemd.installed() : undefined
  stdout.write(`Starting ${titleOf(context)}...`)
  await withProgress(stderr, 'starting', async () => {
    if (unit === undefined) await startProcess(context)
    else await systemd.control('start', unit)
  })
  stdout.write('SUCCESS!\n')
  return await printStatus(context)
}

async function startProcess(context: CommandContext): Promise<void> {
  const directories = await context.host.directories()
  await makeFolder(directories.log, 0o755)
  const logFile = join(directories.log, 'rexray.out')
  const before = sizeOf(logFile)
  const readyFile = join(directories.run, `ready-${randomUUID()}`)
  const args = serverArguments(context.flags(), readyFile)
  const server = await context.host.startServer(args, logFile)
  let endedWith: number | undefined
  const noteEnd = server.ended.then((status) => {
    endedWith = status
  })
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += LOOK_MS) {
    if (existsSync(readyFile)) {
      rmSync(readyFile)
      return
    }
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

function serverArguments(
  { configFile, host, service, logLevel, properties = {} }: Flags,
  readyFile: string,
): string[] {
  const given = {
    config: configFile === undefined ? undefined : resolve(configFile),
    host,
    service,
    logLevel,
    ...properties,
  }
  const flags = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  )
  return [...flags, 'start', '--foreground', `--readyFile=${readyFile}`]
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
