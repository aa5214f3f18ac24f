import { inspect } from 'node:util'
import type { Command } from 'commander'
import type { App } from '../app.ts'
import type { Directories } from '../config/config.ts'
import type { ExaminedConfig, Flags, LoadedConfig } from '../config/load.ts'
import type { SettingFlag } from '../config/setting-flags.ts'
import type { CheckGroup } from '../doctor/examine.ts'
import type { Habitat } from '../doctor/habitat.ts'
import { isStorageError } from '../libstorage/errors.ts'
import type { Run } from '../libstorage/run.ts'
import { asItIs, type Wording } from '../mount/linux/outside-paths.ts'
import type { ProcessRole } from '../mount/mount-context.ts'
import type { ServicePolicies } from '../open-policies.ts'
import type { Screen } from './progress.ts'
import type { SystemdPlace } from './service/systemd.ts'

/** Where text goes. */
export interface Output {
  write(text: string): unknown
  /** Whether it is a terminal whose user wants colours; absent where it is none. */
  hasColors?(): boolean
  /** False once nobody reads it any more, as far as that was noticed. */
  readonly writable?: boolean
}

/** Where the signals of the operating system, and what nobody caught, arrive: `process`, or an emitter in its place. */
export interface SignalSource {
  on(event: string, listener: (...facts: unknown[]) => void): unknown
  off(event: string, listener: (...facts: unknown[]) => void): unknown
}

/** Puts the program together for a server or for one command. */
export type OpenApp = (role: ProcessRole, flags: Flags) => Promise<App>

/** Another process of this program, started to serve in the background. */
export interface StartedServer {
  readonly pid: number
  /** Resolves with its exit status when it has ended. */
  readonly ended: Promise<number>
}

/** The machine, as far as commands need it besides the app. */
export interface Host {
  /** Where things lie; asks the environment only, so that it is known also while the configuration is wrong. */
  directories(): Promise<Directories>
  /** Reads the configuration and opens nothing. */
  loadConfig(flags: Flags): Promise<LoadedConfig>
  /** `REXRAY_HOME`, absolute, where it is set. */
  readonly home: string | undefined
  /** How the program is run by others: Node.js and the script, absolute. */
  readonly command: readonly string[]
  /** Runs a program of the operating system. */
  readonly run: Run
  /** The systemd of this machine, if it is one's. */
  systemd(): Promise<SystemdPlace>
  /** Starts this program with these arguments in a session of its own; what it says is added to a file. */
  startServer(args: readonly string[], logFile: string): Promise<StartedServer>
  /** Sends a signal to a process. */
  signal(pid: number, signal: 'SIGTERM'): void
  /** Whether it is a container. */
  habitat(): Promise<Habitat>
  /** All of standard input. */
  readInput(): Promise<string>
}

/** What the program finds around it. */
export interface Surroundings {
  /** The name by which it was called: `remora`, `rexray`. */
  readonly programName: string
  readonly scriptPath: string
  /** How the program is called from here, for commands that a person may type: `remora`, or `node dist/main.js`. */
  readonly invocation: string
  readonly stdout: Output
  readonly stderr: Screen
  readonly signals: SignalSource
  /** Ends the process at once; what was written before is written. */
  readonly exit: (status: number) => void
  readonly openApp: OpenApp
  /** Reads the configuration that these flags mean, and opens nothing. */
  readonly examineConfig: (flags: Flags) => Promise<ExaminedConfig>
  /** What `doctor` looks at: all of this machine, or one volume. Opens nothing that a server has. */
  readonly openChecks: (flags: Flags, volume: string | undefined) => Promise<readonly CheckGroup[]>
  /** The flags that set keys of the configuration. */
  readonly settingFlags: () => Promise<readonly SettingFlag[]>
  /** Whether a flag, by its name without dashes, sets a key that is true or false. */
  readonly readSwitches: () => Promise<(flag: string) => boolean>
  /** What the platforms of the configured services have to allow. */
  readonly openPolicies: (flags: Flags) => Promise<readonly ServicePolicies[]>
  readonly host: Host
}

/** What a command works with. The app is opened by the command that needs it, so that help and usage errors need none. */
export interface CommandContext extends Surroundings {
  /** The whole tree of commands. */
  readonly program: Command
  /** What was said by global flags, known once the command line is parsed. */
  flags(): Flags
}

/** How a failure is told. */
export interface ReportOptions {
  /** The way to find out more. */
  readonly hint?: string
  /** The words of its sentence; as it is unless given. */
  readonly wording?: Wording
}

/** Says on stderr why a command failed: one line for what the user can mend, with a hint behind it where there is one, the stack for a bug. */
export function reportError(
  { programName, stderr }: Pick<Surroundings, 'programName' | 'stderr'>,
  error: unknown,
  { hint, wording = asItIs }: ReportOptions = {},
): void {
  const sentence = isStorageError(error)
    ? wording(error.message)
    : `unexpected error: ${inspect(error)}`
  stderr.write(`${programName}: ${sentence}${hint === undefined ? '' : `; ${hint}`}\n`)
}
