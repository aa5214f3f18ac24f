import { inspect } from 'node:util'
import type { App } from '../app.ts'
import type { ExaminedConfig, Flags } from '../config/load.ts'
import { isStorageError } from '../libstorage/errors.ts'
import type { ProcessRole } from '../mount/mount-context.ts'

/** Where text goes. */
export interface Output {
  write(text: string): unknown
}

/** Where the signals of the operating system, and what nobody caught, arrive: `process`, or an emitter in its place. */
export interface SignalSource {
  on(event: string, listener: (...facts: unknown[]) => void): unknown
  off(event: string, listener: (...facts: unknown[]) => void): unknown
}

/** Puts the program together for a server or for one command. */
export type OpenApp = (role: ProcessRole, flags: Flags) => Promise<App>

/** What the program finds around it. */
export interface Surroundings {
  /** The name by which it was called: `remora`, `rexray`. */
  readonly programName: string
  readonly scriptPath: string
  /** How the program is called from here, for commands that a person may type: `remora`, or `node dist/main.js`. */
  readonly invocation: string
  readonly stdout: Output
  readonly stderr: Output
  readonly signals: SignalSource
  /** Ends the process at once. */
  readonly exit: (status: number) => void
  readonly openApp: OpenApp
  /** Reads the configuration that these flags mean, and opens nothing. */
  readonly examineConfig: (flags: Flags) => Promise<ExaminedConfig>
}

/** What a command works with. The app is opened by the command that needs it, so that help and usage errors need none. */
export interface CommandContext extends Surroundings {
  /** What was said by global flags, known once the command line is parsed. */
  flags(): Flags
}

/** Says on stderr why a command failed: one line for what the user can mend, the stack for a bug. */
export function reportError(
  { programName, stderr }: Pick<Surroundings, 'programName' | 'stderr'>,
  error: unknown,
): void {
  const sentence = isStorageError(error) ? error.message : `unexpected error: ${inspect(error)}`
  stderr.write(`${programName}: ${sentence}\n`)
}
