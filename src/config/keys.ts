import type { z } from 'zod'
import { parseDuration } from '../libstorage/duration.ts'
import { NEW_FILE_SYSTEMS } from '../libstorage/file-system.ts'
import { parseGiB } from '../libstorage/size.ts'
import {
  BOOLEAN,
  optional,
  parseCallTimeout,
  parseCount,
  parseDirectory,
  parseFileMode,
  parseHost,
  parseLogLevel,
  parsePreempt,
  parseRootPath,
  required,
} from './values.ts'

/** A key that configurations may set. */
export interface Key<T = unknown> {
  /** Dotted, in the case in which it is documented; any case is understood. */
  readonly path: string
  readonly schema: z.ZodType<T, string>
  /** As one would write it; empty where leaving it out has a meaning of its own. `<lib>` and `<plugins>` are directories. */
  readonly default: string
  /** What it is for, in one line. */
  readonly why: string
  /** Dotted names that versions up to 0.3 of REX-Ray had for it. */
  readonly older?: readonly string[]
  /** Variables that set it besides the one that its path gives. */
  readonly variables?: readonly string[]
}

const OPERATIONS = 'libstorage.integration.volume.operations'
const DURATION = required(parseDuration, 'a duration such as 2s, 500ms or 1m30s')
const TEXT = optional((text) => text, 'a text')
const NAME = optional((text) => text.toLowerCase(), 'a name')

/** The keys of the program itself. */
export const programKeys = {
  logLevel: {
    path: 'rexray.logLevel',
    schema: required(parseLogLevel, 'one of error, warn, info, debug'),
    default: 'warn',
    why: 'how much is logged: error, warn, info or debug',
    older: ['libstorage.logging.level'],
  },
  cliService: {
    path: 'rexray.service',
    schema: NAME,
    default: '',
    why: 'the service that is meant when none is named; goes before libstorage.service',
  },
  service: {
    path: 'libstorage.service',
    schema: NAME,
    default: '',
    why: 'the service that is meant when none is named; alone it is a service with the driver of that name',
  },
  defaultService: {
    path: 'rexray.defaultService',
    schema: NAME,
    default: '',
    why: 'the driver that serves where nothing chooses a service; empty for loop, or vfs where that cannot be had',
  },
  callTimeout: {
    path: 'rexray.callTimeout',
    schema: optional(parseCallTimeout, 'a duration of 5s or more, such as 30s'),
    default: '',
    why: 'how long callers wait for a Create or Mount, which is answered in time; empty for 120s, as managed plugin 30s',
  },
} satisfies Readonly<Record<string, Key>>

/** The keys that say how volumes are made, mounted and released; each may stand beneath a service too. */
export const operationKeys = {
  size: {
    path: `${OPERATIONS}.create.default.size`,
    schema: required(parseGiB, 'a whole number of GiB'),
    default: '16',
    why: 'GiB of a volume that is made without a size',
    older: ['docker.size'],
  },
  type: {
    path: `${OPERATIONS}.create.default.type`,
    schema: TEXT,
    default: '',
    why: 'the volume type, as the platform names it',
    older: ['docker.volumeType'],
  },
  iops: {
    path: `${OPERATIONS}.create.default.IOPS`,
    schema: optional(parseCount, 'a whole number'),
    default: '',
    why: 'the operations per second that a volume is made for, where its type has a choice',
    older: ['docker.iops'],
  },
  availabilityZone: {
    path: `${OPERATIONS}.create.default.availabilityZone`,
    schema: TEXT,
    default: '',
    why: 'the zone that volumes are made in; empty for the one of this machine',
    older: ['docker.availabilityZone'],
  },
  fsType: {
    path: `${OPERATIONS}.create.default.fsType`,
    schema: required(
      (text) => NEW_FILE_SYSTEMS.find((type) => type === text.toLowerCase()),
      `one of ${NEW_FILE_SYSTEMS.join(', ')}`,
    ),
    default: 'ext4',
    why: 'the file system that a blank volume gets: ext4, xfs or btrfs',
    variables: ['REXRAY_FSTYPE'],
    older: ['docker.fsType'],
  },
  createDisable: {
    path: `${OPERATIONS}.create.disable`,
    schema: BOOLEAN,
    default: 'false',
    why: 'whether Create answers success and does nothing',
    older: ['rexray.volume.create.disable', 'volume.create.disable'],
  },
  createImplicit: {
    path: `${OPERATIONS}.create.implicit`,
    schema: BOOLEAN,
    default: 'false',
    why: 'whether Mount makes a volume that does not exist',
  },
  preempt: {
    path: `${OPERATIONS}.mount.preempt`,
    schema: required(parsePreempt, 'one of true, false, dead, fence'),
    default: 'false',
    why: 'whether Mount takes a volume from another machine: false, true, dead (a stopped one), fence (stop it first)',
    older: ['rexray.volume.mount.preempt', 'volume.mount.preempt'],
    variables: ['REXRAY_PREEMPT'],
  },
  attachWait: {
    path: `${OPERATIONS}.mount.attachWait`,
    schema: DURATION,
    default: '10s',
    why: 'how long Mount waits for another machine to let a volume go by itself, before it refuses or takes it',
  },
  preemptGrace: {
    path: `${OPERATIONS}.mount.preemptGrace`,
    schema: DURATION,
    default: '20s',
    why: 'how long a machine that was asked to let a volume go may take, before it is taken by force (preempt true)',
  },
  mountPath: {
    path: `${OPERATIONS}.mount.path`,
    schema: required(parseDirectory, 'an absolute path'),
    default: '<lib>/volumes',
    why: 'the folder that holds the mount points',
    older: ['docker.mountDirPath'],
  },
  mountRootPath: {
    path: `${OPERATIONS}.mount.rootPath`,
    schema: required(parseRootPath, 'a path inside the volume such as /data, or / for its root'),
    default: '/data',
    why: 'the folder inside a volume that containers get; / for its root',
    older: ['linux.integration.volume.operations.mount.rootPath'],
  },
  retryCount: {
    path: `${OPERATIONS}.mount.retryCount`,
    schema: required(parseCount, 'a whole number'),
    default: '0',
    why: 'how often a Mount that failed is repeated',
  },
  retryWait: {
    path: `${OPERATIONS}.mount.retryWait`,
    schema: DURATION,
    default: '5s',
    why: 'the pause before such a repeat',
  },
  ignoreUsedCount: {
    path: `${OPERATIONS}.unmount.ignoreUsedCount`,
    schema: BOOLEAN,
    default: 'false',
    why: 'whether the first Unmount releases a volume, however many containers use it',
    older: ['rexray.volume.unmount.ignoreUsedCount', 'volume.unmount.ignoreUsedCount'],
  },
  detachDelay: {
    path: `${OPERATIONS}.unmount.detachDelay`,
    schema: DURATION,
    default: '2s',
    why: 'how long a volume that nobody uses stays attached, so that a restart of its container is quick',
  },
  removeDisable: {
    path: `${OPERATIONS}.remove.disable`,
    schema: BOOLEAN,
    default: 'false',
    why: 'whether Remove answers success and does nothing',
    older: ['rexray.volume.remove.disable', 'volume.remove.disable'],
  },
  fileMode: {
    path: 'linux.volume.fileMode',
    schema: optional(parseFileMode, 'permission bits in octal such as 0755'),
    default: '',
    why: 'permission bits in octal that the data folder gets at every mount; empty for 0755 once, when it is made',
  },
  volumeRootPath: {
    path: 'linux.volume.rootPath',
    schema: optional(parseRootPath, 'a path inside the volume such as /data, or / for its root'),
    default: '',
    why: 'the older name of mount.rootPath; mount.rootPath wins where both are set',
  },
  attachTimeout: {
    path: 'libstorage.device.attachTimeout',
    schema: DURATION,
    default: '30s',
    why: 'how long the device of a volume may take to appear after its attach',
  },
} satisfies Readonly<Record<string, Key>>

/** The key by which versions up to 0.3 chose their driver; the first of its list is the service that is meant. */
export const STORAGE_DRIVERS = 'rexray.storageDrivers'

/** The names besides its own by which a key is understood: its older ones, and the one that REX-Ray's manual had. */
export function otherNames({ path, older = [] }: Key): readonly string[] {
  const misprinted = path.replace(`${OPERATIONS}.`, 'libstorage.integration.volume.')
  return misprinted === path ? older : [...older, misprinted]
}

/** The keys of one service, beneath `libstorage.server.services.<service>`. */
export const serviceKeys = {
  driver: {
    path: 'driver',
    schema: NAME,
    default: '',
    why: "the driver that serves it; empty for the one of the service's own name",
  },
} satisfies Readonly<Record<string, Key>>

/** The keys of one module, beneath `rexray.modules.<module>`. */
export const moduleKeys = {
  type: {
    path: 'type',
    schema: required(
      (text) => (['docker', 'csi', 'admin'] as const).find((type) => type === text.toLowerCase()),
      'docker or csi, which mean the same here',
    ),
    default: 'docker',
    why: 'docker; csi is understood and means the same',
  },
  host: {
    path: 'host',
    schema: optional(parseHost, 'unix:///path or tcp://host:port'),
    default: 'unix://<plugins>/rexray.sock',
    why: 'where it listens: a path, unix:///path or tcp://host:port; empty for a socket named like the module',
  },
  spec: {
    path: 'spec',
    schema: optional(parseDirectory, 'an absolute path'),
    default: '/etc/docker/plugins/rexray.spec',
    why: 'the file that tells Docker of a socket elsewhere; only named at the start, never written',
  },
  service: {
    path: 'libstorage.service',
    schema: NAME,
    default: '',
    why: 'the service that it offers; empty for the one that is meant when none is named',
  },
  disabled: {
    path: 'disabled',
    schema: BOOLEAN,
    default: 'false',
    why: 'whether it is left out',
  },
} satisfies Readonly<Record<string, Key>>
