/** Facts beside a message. Never a secret. */
export type LogFields = Readonly<Record<string, unknown>>

/** Facts, or what finds them out where the line is wanted: at debug most are not. */
export type LazyFields = LogFields | (() => LogFields)

/** How much is logged, from least to most. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Where the rooms say what they do; one line at info for each call that changes something. */
export interface Logger {
  debug(message: string, fields?: LazyFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** A logger that says nothing, for commands that are not asked to. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}
