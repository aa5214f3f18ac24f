import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ServerAnswers } from './command-answers.ts'
import { type Flags, type LoadedConfig, loadConfig } from './config/load.ts'
import type { DefaultChoice } from './default-service.ts'
import { createLateLogger, type LateLogger } from './late-logger.ts'
import { FailedPreconditionError, NotFoundError } from './libstorage/errors.ts'
import type { Logger } from './libstorage/logger.ts'
import { run } from './libstorage/run.ts'
import { ToolRunner } from './libstorage/tool-runner.ts'
import type { LoggerOptions } from './logging.ts'
import { EventFile } from './mount/event-file.ts'
import type { Wording } from './mount/linux/outside-paths.ts'
import { type HeldLock, ProcessLocks, SERVER_LOCK } from './mount/locks.ts'
import type { ProcessRole } from './mount/mount-context.ts'
import { withSettings } from './mount/with-settings.ts'
import { LISTENING_FILE, writePidFile } from './pid-file.ts'
import type { PluginServer } from './plugin-api/server.ts'
import type { ProviderDefinition } from './providers/definition.ts'
import { providers as builtIn } from './providers/index.ts'
import { type OpenServices, openServices, type ServedService } from './served-services.ts'

/** The file, in the log directory, that a server writes to where nobody sits before it. */
const LOG_FILE = 'rexray.log'

/** What the program is told from outside. */
export interface AppInput {
  readonly flags: Flags
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  readonly homeDirectory: string
  /** Where log lines go. */
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** The providers there are; those of this program unless given. */
  readonly providers?: readonly ProviderDefinition[]
}

/** A socket that serves the Docker volume API. */
export interface ListeningModule {
  /** `unix:///path` or `tcp://host:port`. */
  readonly address: string
  /** The name of the service that it offers. */
  readonly service: string
  /** The name of the module. */
  readonly module: string
  /** The file by which Docker finds it where its socket is not among those of plugins. */
  readonly spec: string
}

/** How a server speaks with its callers. */
export interface ListenOptions {
  /** How long callers wait for a Create or Mount, where no configuration says it. */
  readonly callTimeoutMs?: number
  /** How errors are told. */
  readonly wording?: Wording
}

/** The program, put together for one use. */
export interface App {
  readonly config: LoadedConfig
  readonly logger: Logger
  readonly services: readonly ServedService[]
  /** What was chosen because nothing is configured. */
  readonly choice: DefaultChoice | undefined
  /** The service of this name, in any letter case, or the default one. Throws a `StorageError` where there is none. */
  service(name?: string): ServedService
  /**
   * Makes this process the one server of its home, with the files by which scripts know it: its process id, unless that
   * is not wanted, and its log where nobody sits before it. Rejects with `FailedPreconditionError` while there is another.
   */
  lockServer(options?: { readonly pidFile?: boolean }): Promise<void>
  /** Compares what is recorded with what the kernel says; a volume's calls wait for its own part of that. */
  start(): void
  /**
   * Listens on the sockets of all modules. Callers wait as long as is configured, or else `callTimeoutMs`, or else as long
   * as Docker waits for a plugin that it does not manage. Errors are told in the `wording`, or else as they are.
   */
  listen(options?: ListenOptions): Promise<readonly ListeningModule[]>
  /** Tells commands that this server answers them; takes a moment, in which nobody else is answered. */
  answerCommands(): Promise<void>
  /** Reads the configuration again and takes its log level; everything else stays as it was. */
  reloadLogLevel(): Promise<void>
  /** Takes no more calls, finishes what is under way, gives everything back. Mounts stay. */
  close(): Promise<void>
}

/**
 * Puts the program together. Changes nothing on this machine besides the record of a default choice, and rejects with a
 * `StorageError` about a configuration that is wrong or cannot be served.
 */
export async function openApp(role: ProcessRole, input: AppInput): Promise<App> {
  const providers = input.providers ?? builtIn
  const readConfig = () => loadConfig({ ...input, drivers: providers, reader: role })
  const config = await readConfig()
  const isTerminal = input.stderr.isTTY === true
  const logger = await openLogger(role, {
    level: config.logLevel,
    stream: input.stderr,
    isTerminal,
  })
  // Scripts run commands again and again, and read what these say; a server says it once.
  for (const warning of config.warnings) logger[role === 'server' ? 'warn' : 'info'](warning)
  const events = new EventFile({ directory: config.directories.log, logger })
  const tools = createToolRunner(config, logger)
  const runs = {
    // A command runs its few tools directly.
    run: role === 'server' ? tools.run : run,
    runBehindGate: tools.runBehindGate,
  }
  try {
    const parts = { config, providers, logger, events, role, ...runs }
    const served = await openServices(parts)
    const readAsCommand = (flags: Flags) =>
      loadConfig({ ...input, flags, drivers: providers, reader: 'command' })
    const answers = new ServerAnswers({ config, served, logger, readAsCommand, input })
    return new OpenApp({ config, logger, served, answers, readConfig, tools, isTerminal })
  } catch (error) {
    await Promise.all([tools.close(), logger.settled()])
    throw error
  }
}

/** A server's lines are written as they are said, and so are those that somebody asked for; most commands say nothing. */
async function openLogger(role: ProcessRole, options: LoggerOptions): Promise<LateLogger> {
  const isQuiet = ['error', 'warn'].includes(options.level)
  if (role === 'command' && isQuiet) return createLateLogger(options)
  const { createLogger } = await import('./logging.ts')
  return { ...createLogger(options), settled: async () => {} }
}

function createToolRunner({ directories }: LoadedConfig, logger: Logger): ToolRunner {
  return new ToolRunner({
    logger,
    scratchDirectory: join(directories.run, 'scratch'),
    // With more than there are processors, all together end no sooner and every other call waits longer.
    atOnce: Math.max(2, availableParallelism()),
    turnMs: 100,
  })
}

interface OpenParts {
  readonly config: LoadedConfig
  readonly logger: LateLogger
  readonly served: OpenServices
  readonly answers: ServerAnswers
  readonly readConfig: () => Promise<LoadedConfig>
  readonly tools: ToolRunner
  /** Whether somebody reads the log as it is written. */
  readonly isTerminal: boolean
}

class OpenApp implements App {
  readonly #parts: OpenParts
  readonly #servers: PluginServer[] = []
  #lock: HeldLock | undefined
  #removePidFile: (() => void) | undefined
  #removeListeningFile: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(parts: OpenParts) {
    this.#parts = parts
  }

  get config(): LoadedConfig {
    return this.#parts.config
  }

  get logger(): Logger {
    return this.#parts.logger
  }

  get services(): readonly ServedService[] {
    return this.#parts.served.services
  }

  get choice(): DefaultChoice | undefined {
    return this.#parts.served.choice
  }

  service(name = this.#parts.served.defaultName): ServedService {
    const services = this.services.map(({ service }) => service)
    const found = this.services.find(({ service }) => service.name === name.toLowerCase())
    if (found !== undefined) return found
    throw new NotFoundError(
      `service "${name}" (there is ${services.map((service) => service.name).join(', ')})`,
    )
  }

  async lockServer({ pidFile = true }: { readonly pidFile?: boolean } = {}): Promise<void> {
    const { directories } = this.config
    const taken = await new ProcessLocks(directories.run).tryAcquire(SERVER_LOCK, 'serves volumes')
    if (!('owner' in taken)) {
      this.#lock = taken
      if (pidFile) this.#removePidFile = writePidFile(directories.run)
      if (!this.#parts.isTerminal) this.#parts.logger.addFile(join(directories.log, LOG_FILE))
      return
    }
    const pid = taken.owner === undefined ? '' : ` as process ${taken.owner.process.pid}`
    throw new FailedPreconditionError({
      subject: 'a server',
      problem: `runs already${pid} with its state in ${directories.lib}`,
      remedy: 'stop it, or give this one a REXRAY_HOME of its own',
    })
  }

  async listen({
    callTimeoutMs,
    ...words
  }: ListenOptions = {}): Promise<readonly ListeningModule[]> {
    const [{ createPluginApp, deadlinesWithin }, { startPluginServer }] = await Promise.all([
      import('./plugin-api/app.ts'),
      import('./plugin-api/server.ts'),
    ])
    const { logger } = this
    const waitMs = this.config.callTimeoutMs ?? callTimeoutMs
    const deadlines = waitMs === undefined ? {} : { deadlines: deadlinesWithin(waitMs) }
    this.#parts.answers.watch()
    const listening: ListeningModule[] = []
    for (const module of this.config.modules) {
      const { service, volumes } = this.service(module.service)
      const settings = this.config.operationsOf(module.name, service.name)
      const offered = settings === undefined ? volumes : withSettings(volumes, settings)
      const isOwners = module.host.startsWith('unix:')
      const answers = isOwners ? { answers: this.#parts.answers } : {}
      const app = createPluginApp({ volumes: offered, logger, ...answers, ...deadlines, ...words })
      const server = await startPluginServer({ host: module.host, app, logger })
      this.#servers.push(server)
      const { name, spec } = module
      listening.push({ address: server.address, service: service.name, module: name, spec })
    }
    this.#removeListeningFile = writePidFile(this.config.directories.run, LISTENING_FILE)
    return listening
  }

  async answerCommands(): Promise<void> {
    const socket = this.#servers.find(({ address }) => address.startsWith('unix://'))
    if (socket !== undefined)
      await this.#parts.answers.begin(socket.address.slice('unix://'.length))
  }

  start(): void {
    this.#parts.tools.start()
    this.#parts.served.start()
  }

  async reloadLogLevel(): Promise<void> {
    const { logLevel } = await this.#parts.readConfig()
    this.#parts.logger.setLevel(logLevel)
    this.logger.info('log level reloaded', { logLevel })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      this.#removeListeningFile?.()
      this.#parts.answers.end()
      await Promise.all(this.#servers.map((server) => server.close()))
      await this.#parts.served.close()
    } finally {
      this.#removePidFile?.()
      await Promise.all([this.#parts.tools.close(), this.#lock?.release()])
      this.#parts.logger.closeFile()
      await this.#parts.logger.settled()
    }
  }
}
