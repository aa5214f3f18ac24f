import { AbortedError, isStorageError } from '../libstorage/errors.ts'
import type { IntegrationDriver, Viewpoint } from '../mount/integration-driver.ts'
import { type CommandContext, type Output, reportError } from './context.ts'
import { exitStatusOf } from './exit-status.ts'
import { printable } from './output/table.ts'
import { withProgress } from './progress.ts'

/** What one command works with that needs the volumes of a service. */
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
  /** Does the work, and tells a person who waits what is going on (`mounting data`). */
  progress<T>(doing: string, work: () => Promise<T>): Promise<T>
}

/** Runs a command with a session, and resolves with its exit status. */
export type RunInSession = (work: (session: CommandSession) => Promise<number>) => Promise<void>

/** What of a command's context a session needs. */
type SessionContext = Pick<
  CommandContext,
  'openApp' | 'flags' | 'signals' | 'programName' | 'stdout' | 'stderr'
>

/** How a session is opened. */
export interface SessionOptions {
  /** Changes are thought through and not made. */
  readonly isRehearsal: boolean
}

/** Opens the app for one command, and closes it whatever happens. A second signal ends the process as usual. */
export async function inCommandSession(
  context: SessionContext,
  { isRehearsal }: SessionOptions,
  work: (session: CommandSession) => Promise<number>,
): Promise<number> {
  const interruption = interruptible(context)
  try {
    const app = await context.openApp('command', context.flags())
    try {
      const { service, volumes, mountFolder, operations } = app.service()
      const { signal } = interruption
      const viewpoint = async () => ({
        instance: (await service.executor.instance({ signal })).id,
        driver: service.driver.name,
      })
      return await work({
        volumes: isRehearsal
          ? await rehearsed(volumes, { viewpoint, mountFolder, operations })
          : volumes,
        signal,
        stdout: context.stdout,
        viewpoint,
        warn: (sentence) => context.stderr.write(`${context.programName}: ${sentence}\n`),
        reportError: (error) => reportError(context, error),
        progress: (doing, wait) => withProgress(context.stderr, printable(doing), wait),
      })
    } finally {
      await app.close()
    }
  } finally {
    interruption.end()
  }
}

async function rehearsed(
  volumes: IntegrationDriver,
  place: Parameters<typeof import('./rehearsal.ts').rehearse>[1],
): Promise<IntegrationDriver> {
  const { rehearse } = await import('./rehearsal.ts')
  return rehearse(volumes, place)
}

/** What is done to each name, and what then happens to the rest when one fails. */
export interface EachName {
  readonly names: readonly string[]
  /** What is done, as a person who waits is told: `mounting`. */
  readonly doing: string
  /** Go on with the next name. */
  readonly continueOnError?: boolean | undefined
}

/**
 * Does something to one name after the other. The first failure ends it, unless it shall go on: then the failure is
 * reported at once, and the exit status is that of the first one.
 */
export async function eachName(
  session: CommandSession,
  { names, doing, continueOnError = false }: EachName,
  act: (name: string) => Promise<void>,
): Promise<number> {
  let status = 0
  for (const name of names) {
    try {
      await session.progress(`${doing} ${name}`, () => act(name))
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

/** A signal that the operating system's interruptions abort; `end` lets them do again what they do by default. */
export function interruptible({ signals }: Pick<SessionContext, 'signals'>): {
  signal: AbortSignal
  end: () => void
} {
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
