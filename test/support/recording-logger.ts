import type { LazyFields, LogFields, Logger } from '../../src/libstorage/logger.ts'

/** One thing that was said. */
export interface LogLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: LogFields
}

/** A logger whose lines can be read again. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = []

  debug(message: string, fields: LazyFields = {}): void {
    const found = typeof fields === 'function' ? fields() : fields
    this.lines.push({ level: 'debug', message, fields: found })
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', message, fields })
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', message, fields })
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', message, fields })
  }
}
