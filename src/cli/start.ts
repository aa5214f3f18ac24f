import { Command, Option } from 'commander'
import type { App, ListenOptions } from '../app.ts'
import { isStorageError } from '../libstorage/errors.ts'
import { after, sleep } from '../libstorage/wait.ts'
import { readOutsideWording, type Wording } from '../mount/linux/outside-paths.ts'
import { type CommandContext, reportError } from './context.ts'
import { exitStatusOf } from './exit-status.ts'
import { reportFailures, wayToFindOut } from './failed-start.ts'
import { requireConfigurationAsBefore } from './managed-configuration.ts'
import type { RunWork } from './program.ts'
import { startReport } from './start-report.ts'
import { withExamples } from './verb.ts'

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const
const UNCAUGHT = ['uncaughtException', 'unhandledRejection'] as const

/** What `start` was asked for. */
export interface StartOptions {
  /** Whether a file says the pid. */
  readonly pidFile: boolean
  /** Whether a Docker engine started it as its managed plugin. */
  readonly managed?: boolean
}

/** How long `docker plugin enable` gives a plugin for each of its calls, unless told otherwise. */
const ENGINE_WAITS_MS = 30_000
/**
 * An engine starts a managed plugin that has ended again at once, also while it waits some 10 s for the socket of one that
 * it enables, and then mistakes the one for the other: a plugin that cannot start stays for longer than that.
 */
const REST_MS = 30_000

/** Readings of the configuration stand between a start and the first answer to a command, and can wait. */
const COMMANDS_WAIT_MS = 500

/** Where the plugin has folders of the machine that its errors speak of: docker-plugin/config.json. */
export const PLUGIN_FOLDERS = ['/pool', '/var/lib/rexray']

interface StartFlags {
  readonly nopid?: boolean
  readonly managed?: boolean
}

/** The command `start`. */
export function startCommand(context: CommandContext, runs: RunWork): Command {
  const command = new Command('start')
    .description(
      'serve volumes to Docker until SIGTERM or SIGINT; `service start` is for the background',
    )
    .option('-f, --foreground', 'accepted, it is always so')
    .option('--nopid', 'write no file with the process id')
    .addOption(new Option('--force', "accepted for REX-Ray's sake").hideHelp())
    .addOption(new Option('--managed', 'run as the managed plugin of a Docker engine').hideHelp())
    .action(({ nopid = false, managed = false }: StartFlags) =>
      runs(serve(context, { pidFile: !nopid, managed })),
    )
  return withExamples(command, ['start', 'start --logLevel info', 'start --config ./config.yml'])
}

/**
 * The life of a server. Listens at once, says on stdout where, and serves until SIGTERM or SIGINT: then it finishes what
 * is under way and resolves with 0. A start that fails is reported with the way to find out why; a managed plugin, in which
 * nobody can do that, says what the doctor finds, and waits a little before it ends. A second such signal, and an error that nobody caught, end the process with 1.
 */
export async function serve(
  context: CommandContext,
  { pidFile, managed = false }: StartOptions,
): Promise<number> {
  const life = watchSignals(context)
  try {
    const app = await context.openApp('server', context.flags())
    try {
      const { directories, files } = app.config
      if (managed) await requireConfigurationAsBefore(directories.lib, files)
      await app.lockServer({ pidFile })
      life.begin(app)
      app.start()
      const modules = await app.listen(managed ? engineWants() : {})
      const invocation = managed ? undefined : context.invocation
      context.stdout.write(startReport(app, modules, invocation))
      app.logger.info('serving volumes', { config: app.config.files })
      const answering = after(COMMANDS_WAIT_MS, () => void app.answerCommands())
      await life.stopped
      answering.cancel()
      app.logger.info('stopping')
    } finally {
      await app.close()
    }
    return 0
  } catch (error) {
    if (!managed && !isStorageError(error)) throw error
    await (managed ? failAsPlugin(context, error, life.stopped) : fail(context, error))
    return exitStatusOf(error)
  } finally {
    life.end()
  }
}

function engineWants(): ListenOptions {
  return { callTimeoutMs: ENGINE_WAITS_MS, wording: pluginWording() }
}

/** The parent of a plugin is the runtime of its engine, which sees the machine. */
function pluginWording(): Wording {
  return readOutsideWording(process.ppid, PLUGIN_FOLDERS)
}

interface ServerLife {
  /** Resolves at the first signal that asks to stop. */
  readonly stopped: Promise<void>
  /** From now on SIGHUP is obeyed, and what nobody caught is logged. */
  begin(app: App): void
  /** Lets the signals do again what they do by default. */
  end(): void
}

function watchSignals({ signals, exit }: CommandContext): ServerLife {
  const undo: (() => void)[] = []
  const listen = (names: readonly string[], listener: (fact: unknown) => void) => {
    for (const name of names) {
      signals.on(name, listener)
      undo.push(() => signals.off(name, listener))
    }
  }
  // Before there is a level to reload, the signal would end the process.
  listen(['SIGHUP'], () => {})
  const stopped = new Promise<void>((resolve) => {
    let isStopping = false
    listen(STOP_SIGNALS, () => {
      if (isStopping) exit(1)
      isStopping = true
      resolve()
    })
  })
  return {
    stopped,
    begin: (app) => {
      listen(['SIGHUP'], () => reloadLogLevel(app))
      listen(UNCAUGHT, (error) => {
        app.logger.error('ended by a bug', { error })
        // The line is on its way to stderr; it is there when this turn of the event loop is over.
        setImmediate(exit, 1)
      })
    },
    end: () => {
      for (const step of undo) step()
    },
  }
}

async function fail(context: CommandContext, error: unknown): Promise<void> {
  reportError(context, error, { hint: await wayToFindOut(context) })
}

/** Nobody can run the doctor in a plugin that does not start, so that it says itself what that finds. */
async function failAsPlugin(
  context: CommandContext,
  error: unknown,
  stopped: Promise<void>,
): Promise<void> {
  const wording = pluginWording()
  reportError(context, error, { wording })
  const found = reportFailures(context, wording).catch((bug: unknown) => reportError(context, bug))
  await Promise.race([stopped, found])
  await restUnless(stopped)
}

/** Resolves when a plugin that cannot start has rested, or is to stop. */
async function restUnless(stopped: Promise<void>): Promise<void> {
  const over = new AbortController()
  const stop = stopped.then(() => over.abort())
  await Promise.race([sleep(REST_MS, over.signal).catch(() => {}), stop])
}

function reloadLogLevel(app: App): void {
  app.reloadLogLevel().catch((error: unknown) => {
    app.logger.error('log level not reloaded, the one before stays', { error })
  })
}
