import { EventEmitter } from 'node:events'
import type { App, ListeningModule } from '../../src/app.ts'
import type { Host, Surroundings } from '../../src/cli/context.ts'
import { runProgram } from '../../src/cli/program.ts'
import { readQuickRequest } from '../../src/cli/quick/request.ts'
import { runQuickly } from '../../src/cli/quick/run.ts'
import type { Directories, OperationsConfig } from '../../src/config/config.ts'
import type { AnsweringServer } from '../../src/config/find-answers.ts'
import type { Flags, LoadedConfig } from '../../src/config/load.ts'
import { readSwitches, settingFlags } from '../../src/config/setting-flags.ts'
import { NotFoundError } from '../../src/libstorage/errors.ts'
import type { Logger } from '../../src/libstorage/logger.ts'
import type { Run } from '../../src/libstorage/run.ts'
import { createService } from '../../src/libstorage/service.ts'
import type { StorageDriver } from '../../src/libstorage/storage-driver.ts'
import type { Volume, VolumeWish } from '../../src/libstorage/types.ts'
import type { IntegrationDriver } from '../../src/mount/integration-driver.ts'
import { providers } from '../../src/providers/index.ts'
import type { ServedService } from '../../src/served-services.ts'
import { HERE } from './a-volume.ts'
import { InMemoryVolumes } from './in-memory-volumes.ts'

/** What holds for every service of these tests. */
export const OPERATIONS: OperationsConfig = {
  create: {
    default: {
      sizeGiB: 16,
      type: undefined,
      iops: undefined,
      availabilityZone: undefined,
      fsType: 'ext4',
    },
    disable: false,
    implicit: false,
  },
  mount: {
    preempt: false,
    attachWaitMs: 10_000,
    preemptGraceMs: 20_000,
    path: '/var/lib/rexray/volumes',
    pathIsOwn: false,
    rootPath: '/data',
    retryCount: 0,
    retryWaitMs: 5_000,
  },
  unmount: { ignoreUsedCount: false, detachDelayMs: 0 },
  remove: { disable: false },
  fileMode: undefined,
  attachTimeoutMs: 30_000,
}

const DIRECTORIES: Directories = {
  etc: '/etc/rexray',
  lib: '/var/lib/rexray',
  log: '/var/log/rexray',
  run: '/var/run/rexray',
  plugins: '/run/docker/plugins',
}

const CONFIG: Omit<LoadedConfig, 'directories'> = {
  logLevel: 'warn',
  callTimeoutMs: undefined,
  files: ['/etc/rexray/config.yml'],
  warnings: [],
  defaultService: 'ebs',
  primaryService: 'ebs',
  services: [],
  modules: [],
  variables: () => [],
  said: () => undefined,
  surroundings: () => ({ variables: {}, files: {} }),
  resolveService: (name, driver) => ({ name, driver, settings: {}, operations: OPERATIONS }),
  operationsOf: () => undefined,
  sourceOf: (_service, key) => (key === 'preempt' ? '/etc/rexray/config.yml:3:5' : 'default'),
}

const NO_DRIVER: StorageDriver = {
  name: 'ebs',
  volumes: async () => [],
  volume: () => Promise.reject(new Error('the command line asks the volumes, never the driver')),
  createVolume: () => Promise.reject(new Error('the command line never creates by the driver')),
  removeVolume: async () => undefined,
  attachVolume: () => Promise.reject(new Error('the command line never attaches by the driver')),
  detachVolume: async () => undefined,
}

/** The volumes of the service that a command means. */
export function commandVolumes(...volumes: readonly Volume[]): InMemoryVolumes {
  return new InMemoryVolumes({ volumes, service: 'ebs', scope: 'local', role: 'command' })
}

/** What one run of the program left behind. */
export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** The program with its streams, signals and app in the hands of a test. */
export class CommandLine {
  readonly signals = new EventEmitter()
  readonly log: string[] = []
  /** What was done to the app, in order. */
  readonly steps: string[] = []
  readonly exits: number[] = []
  readonly flags: Flags[] = []
  readonly volumes: IntegrationDriver
  modules: readonly ListeningModule[] = [
    {
      address: 'unix:///run/docker/plugins/rexray.sock',
      service: 'ebs',
      module: 'default-docker',
      spec: '/etc/docker/plugins/rexray.spec',
    },
  ]
  /** A service that cannot be opened. */
  refuseService: string | undefined
  /** The services besides the one that is meant. */
  otherServices: readonly string[] = []
  choice: App['choice']
  lockServer: App['lockServer'] = async () => undefined
  operationsOf: LoadedConfig['operationsOf'] = () => undefined
  reloadLogLevel: () => Promise<void> = async () => undefined
  examineConfig: Surroundings['examineConfig'] = () =>
    Promise.reject(new Error('no configuration was written'))
  openPolicies: Surroundings['openPolicies'] = async () => []
  openChecks: Surroundings['openChecks'] = () => Promise.reject(new Error('nothing is looked at'))
  programName = 'remora'
  script = '/opt/remora/dist/main.js'
  stdout = ''
  stderr = ''
  /** Whether anybody reads stdout. */
  isRead = true
  /** Whether a person watches stderr. */
  isTTY = false
  /** Whether stdout is a terminal whose user wants colours. */
  hasColors = false
  /** Where things lie; tests that write there have a place of their own. */
  directories: Directories = DIRECTORIES
  /** What the configuration says besides. */
  config: Partial<LoadedConfig> = {}
  /** What programs of the operating system answer; which were run is in `steps`. */
  runTool: Run = async (command, args) => {
    this.steps.push([command, ...args].join(' '))
    return { exitCode: 0, stdout: '', stderr: '' }
  }
  /** No test meets the systemd of the machine that it runs on. */
  systemd: Awaited<ReturnType<Host['systemd']>> = { root: '/nowhere', isBooted: false }
  startServer: Host['startServer'] = () => Promise.reject(new Error('no server is started here'))
  /** The environment's `REXRAY_HOME`. */
  home: string | undefined
  input = ''
  habitat: Awaited<ReturnType<Host['habitat']>> = { kind: 'machine' }
  readonly signalled: { readonly pid: number; readonly signal: string }[] = []
  signalProcess: Host['signal'] = (pid, signal) => void this.signalled.push({ pid, signal })

  constructor(volumes: IntegrationDriver = commandVolumes()) {
    this.volumes = volumes
  }

  async run(...args: string[]): Promise<Ran> {
    return await this.#ran((surroundings) => runProgram(args, surroundings))
  }

  /** Runs what needs not the whole program, as if this server could be asked; undefined for what does. */
  async runQuickly(args: readonly string[], server?: AnsweringServer): Promise<Ran | undefined> {
    const request = readQuickRequest(args)
    if (request === undefined) return undefined
    let isWhole = false
    const ran = await this.#ran(async (surroundings) => {
      const status = await runQuickly(request, surroundings, async () => server)
      isWhole = status === undefined
      return status ?? 0
    })
    return isWhole ? undefined : ran
  }

  async #ran(work: (surroundings: Surroundings) => Promise<number>): Promise<Ran> {
    this.stdout = ''
    this.stderr = ''
    const status = await work({
      programName: this.programName,
      scriptPath: `/usr/bin/${this.programName}`,
      invocation: this.programName,
      stdout: {
        write: (text) => (this.stdout += text),
        writable: this.isRead,
        hasColors: () => this.hasColors,
      },
      stderr: { isTTY: this.isTTY, write: (text) => (this.stderr += text) },
      signals: this.signals,
      exit: (code) => this.exits.push(code),
      examineConfig: (flags) => this.examineConfig(flags),
      openChecks: (flags, volume) => this.openChecks(flags, volume),
      settingFlags: async () => settingFlags(providers),
      readSwitches: async () => readSwitches(providers),
      openPolicies: (flags) => this.openPolicies(flags),
      host: this.#host(),
      openApp: async (use, flags) => {
        this.flags.push(flags)
        this.steps.push(`open ${use}`)
        const { service } = flags
        if (service !== undefined && service === this.refuseService)
          throw new NotFoundError(`service "${service}"`)
        return this.app()
      },
    })
    return { status, stdout: this.stdout, stderr: this.stderr }
  }

  #host(): Host {
    return {
      home: this.home,
      command: ['/usr/bin/node', this.script],
      directories: async () => this.directories,
      loadConfig: async (flags) => {
        this.flags.push(flags)
        return this.#config()
      },
      run: (...call) => this.runTool(...call),
      systemd: async () => this.systemd,
      startServer: (...call) => this.startServer(...call),
      signal: (...call) => this.signalProcess(...call),
      habitat: async () => this.habitat,
      readInput: async () => this.input,
    }
  }

  #config(): LoadedConfig {
    const { directories, operationsOf } = this
    return { ...CONFIG, directories, operationsOf, ...this.config }
  }

  /** What the program gets when it opens its app. */
  app(): App {
    const step = async (name: string) => void this.steps.push(name)
    const served = this.#served('ebs')
    const others = this.otherServices.map((name) => this.#served(name, `/${name}`))
    return {
      config: this.#config(),
      logger: this.#logger(),
      services: [served, ...others],
      choice: this.choice,
      service: () => served,
      lockServer: async (options) => {
        await step('lock')
        await this.lockServer(options)
      },
      listen: async ({ callTimeoutMs } = {}) => {
        await step(callTimeoutMs === undefined ? 'listen' : `listen within ${callTimeoutMs} ms`)
        return this.modules
      },
      start: () => void this.steps.push('start'),
      answerCommands: async () => {},
      reloadLogLevel: async () => {
        await step('reload')
        await this.reloadLogLevel()
      },
      close: () => step('close'),
    }
  }

  #served(name: string, below = ''): ServedService {
    const provider = {
      driver: NO_DRIVER,
      executor: { instance: async () => ({ id: HERE }), device: async () => undefined },
      storage: 'block',
      scope: 'local',
      consistency: 'strong',
      wishes: new Set<VolumeWish>(),
      looksLikeId: () => false,
    } as const
    const service = createService(name, provider, this.#logger())
    const { volumes } = this
    const mountFolder = OPERATIONS.mount.path + below
    return { service, operations: OPERATIONS, mountFolder, volumes, hasWarned: () => false }
  }

  #logger(): Logger {
    const log = (level: string) => (message: string) => void this.log.push(`${level} ${message}`)
    return { debug: () => undefined, info: log('info'), warn: log('warn'), error: log('error') }
  }
}
