import { AbortedError, isStorageError } from '../../libstorage/errors.ts'
import type { IntegrationDriver } from '../../mount/integration-driver.ts'
import { type CommandContext, type Output, reportError } from '../context.ts'
import { exitStatusOf } from '../exit-status.ts'
import type { Viewpoint } from './volume-report.ts'

/** What one volume command works with. */
export interface CommandSession {
  /** The volumes of the service that is meant. */
  readonly volumes: IntegrationDriver
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  readonly stdout: Output
  /** This machine, as the platform names it. */
  viewpoint(): Promise<Viewpoint>
  /** Says a sentence on stderr. */
  warn(sentence: string): void
  /** Says on stderr why something failed, where the command goes on. */
  reportError(error: unknown): void
}

/** Runs a volume command with a session, and resolves with its exit status. */
export type RunInSession = (work: (session: CommandSession) => Promise<number>) => Promise<void>

/** Opens the app for one command, and closes it whatever happens. A second signal ends the process as usual. */
export async function inCommandSession(
  context: CommandContext,
  work: (session: CommandSession) => Promise<number>,
): Promise<number> {
  const interruption = interruptible(context)
  try {
    const app = await context.openApp('command', context.flags())
    try {
      const { service, volumes } = app.service()
      const { signal } = interruption
      return await work({
        volumes,
        signal,
        stdout: context.stdout,
        viewpoint: async () => ({
          instance: (await service.executor.instance({ signal })).id,
          driver: service.driver.name,
        }),
        warn: (sentence) => context.stderr.write(`${context.programName}: ${sentence}\n`),
        reportError: (error) => reportError(context, error),
      })
    } finally {
      await app.close()
    }
  } finally {
    interruption.end()
  }
}

/** What each name is done to, and what then happens to the rest when one fails. */
export interface EachNameOptions {
  /** Go on with the next name. */
  readonly continueOnError?: boolean
}

/**
 * Does something to one volume after the other. The first failure ends it, unless it shall go on: then the failure is
 * reported at once, and the exit status is that of the first one.
 */
export async function eachName(
  session: CommandSession,
  names: readonly string[],
  { continueOnError = false }: EachNameOptions,
  act: (name: string) => Promise<void>,
): Promise<number> {
  let status = 0
  for (const name of names) {
    try {
      await act(name)
    } catch (error) {
      const goesOn = continueOnError && isStorageError(error) && !session.signal.aborted
      if (!goesOn) throw error
      session.reportError(error)
      if (status === 0) status = exitStatusOf(error)
    }
  }
  return status
}

const INTERRUPTIONS = ['SIGINT', 'SIGTERM'] as const

function interruptible({ signals }: CommandContext): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  const end = () => {
    for (const name of INTERRUPTIONS) signals.off(name, interrupt)
  }
  const interrupt = () => {
    end()
    controller.abort(new AbortedError({ subject: 'the command', problem: 'was interrupted' }))
  }
  for (const name of INTERRUPTIONS) signals.on(name, interrupt)
  return { signal: controller.signal, end }
}
