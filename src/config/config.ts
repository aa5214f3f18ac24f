import type { NewFileSystem } from '../libstorage/file-system.ts'
import type { LogLevel } from '../libstorage/logger.ts'

/** Where things lie on this host; REX-Ray's places, moved as a whole by `REXRAY_HOME`. All absolute. */
export interface Directories {
  readonly etc: string
  /** State that survives a reboot: ledger, pools of local providers. */
  readonly lib: string
  readonly log: string
  /** State of this boot: locks. */
  readonly run: string
  /** Where Docker looks for plugins' sockets. */
  readonly plugins: string
}

/** Everything that was configured, resolved: typed, with defaults filled in. */
export interface Config {
  readonly directories: Directories
  readonly logLevel: LogLevel
  /** `rexray.callTimeout`: how long callers wait for a Create or Mount; undefined where nothing says so. */
  readonly callTimeoutMs: number | undefined
  /** The configuration files that were read, in the order in which later ones override earlier ones. */
  readonly files: readonly string[]
  /** Sentences about keys that nobody knows, and about keys of REX-Ray's that mean nothing here. */
  readonly warnings: readonly string[]
  /**
   * The service that this call means when it names none: with `libstorage.service: db` in a file, `db`, and `logs` where
   * this very call says `--service logs`. Undefined while nothing is configured.
   */
  readonly defaultService: string | undefined
  /**
   * The service whose volumes lie right in `mount.path`, beside the folders of the others: `db` in both calls of that
   * example, since a volume lies in one place whoever asks. Undefined while nothing is configured.
   */
  readonly primaryService: string | undefined
  /** Empty only where no configuration names a service or driver at all: then the program chooses (docs/semantics.md, Start, stop, crash, reboot). */
  readonly services: readonly ServiceConfig[]
  readonly modules: readonly ModuleConfig[]
  /** Resolves a service that the program chose itself, with the same scopes and defaults. */
  resolveService(name: string, driver: string): ServiceConfig
}

/** One named, configured driver. */
export interface ServiceConfig {
  /** Lower case. */
  readonly name: string
  /** The driver's name after its aliases were resolved: `ebs` for `ec2`. */
  readonly driver: string
  /** The driver's own keys, parsed by its schema. */
  readonly settings: unknown
  readonly operations: OperationsConfig
}

/** `libstorage.integration.volume.operations.*` and `linux.volume.*`, as they apply to one service. */
export interface OperationsConfig {
  readonly create: {
    readonly default: {
      readonly sizeGiB: number
      readonly type: string | undefined
      readonly iops: number | undefined
      readonly availabilityZone: string | undefined
      readonly fsType: NewFileSystem
    }
    readonly disable: boolean
    /** True only where a configuration says so. */
    readonly implicit: boolean
  }
  readonly mount: {
    readonly preempt: boolean | 'dead' | 'fence'
    readonly attachWaitMs: number
    readonly preemptGraceMs: number
    /** The folder that holds the mount points of this service. */
    readonly path: string
    /** Whether a configuration set `path` for this very service. */
    readonly pathIsOwn: boolean
    /** The folder inside the file system that containers get; `/data`, or `/` for the root itself. */
    readonly rootPath: string
    readonly retryCount: number
    readonly retryWaitMs: number
  }
  readonly unmount: {
    readonly ignoreUsedCount: boolean
    readonly detachDelayMs: number
  }
  readonly remove: { readonly disable: boolean }
  /** `linux.volume.fileMode`: permission bits for the data folder, or undefined where nothing is configured. */
  readonly fileMode: number | undefined
  /** `libstorage.device.attachTimeout`: how long a device may take to appear after its attach. */
  readonly attachTimeoutMs: number
}

/** One socket that serves the Docker volume API. */
export interface ModuleConfig {
  /** Lower case. */
  readonly name: string
  /** `unix:///path` or `tcp://host:port`. */
  readonly host: string
  /** The service it offers; undefined means the default one. */
  readonly service: string | undefined
  /** The file by which Docker finds it where its socket is not among those of plugins. */
  readonly spec: string
}
