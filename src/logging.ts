import { inspect } from 'node:util'
import winston from 'winston'
import type { LazyFields, LogFields, Logger, LogLevel } from './libstorage/logger.ts'

/** A logger whose level can change while it is used. */
export interface AdjustableLogger extends Logger {
  setLevel(level: LogLevel): void
  /** From now on lines go to this file too, as JSON. It is put aside at 10 MiB, and three are kept. Never throws. */
  addFile(path: string): void
  /** Writes what is under way to the file, and lets it go. */
  closeFile(): void
}

/** Where log lines go, and which. */
export interface LoggerOptions {
  readonly level: LogLevel
  readonly stream: NodeJS.WritableStream
  /** Lines for people there, JSON for programs elsewhere. */
  readonly isTerminal: boolean
}

const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 }
const SECRET = /(access|secret)_?key|secret|password|passwd|token|credential/i
const REDACTED = '[redacted]'
const MAX_DEPTH = 6
const MAX_FILE_BYTES = 10 * 1024 * 1024
const KEPT_FILES = 3

/** Makes the program's logger. A field that is named like a secret is never written, however deep it lies. */
export function createLogger({ level, stream, isTerminal }: LoggerOptions): AdjustableLogger {
  const logger = winston.createLogger({
    levels: LEVELS,
    level,
    format: lineFormat(isTerminal ? textLine : jsonLine),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
  })
  // A log file that cannot be written is no reason to leave containers without their volumes.
  logger.on('error', () => {})
  let file: winston.transports.FileTransportInstance | undefined
  let threshold = LEVELS[level]
  // The library formats a line before it asks whether anybody wants it, which most calls' lines pay for in vain.
  const log = (at: LogLevel) => (message: string, given?: LazyFields) => {
    if (LEVELS[at] > threshold) return
    const fields = typeof given === 'function' ? given() : given
    logger.log({ level: at, message, fields })
  }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    setLevel: (next) => {
      logger.level = next
      threshold = LEVELS[next]
    },
    addFile: (path) => {
      file = logFile(path)
      if (file !== undefined) logger.add(file)
    },
    closeFile: () => {
      if (file !== undefined) logger.remove(file)
      file = undefined
    },
  }
}

function lineFormat(render: (line: Line) => string): winston.Logform.Format {
  return winston.format.printf((info) =>
    render({
      time: new Date().toISOString(),
      level: info.level,
      message: String(info.message),
      fields: plainFields(info['fields']),
    }),
  )
}

/** The library makes the folder at once, which a user who may not is told by the lack of a file. */
function logFile(filename: string): winston.transports.FileTransportInstance | undefined {
  try {
    return new winston.transports.File({
      filename,
      format: lineFormat(jsonLine),
      maxsize: MAX_FILE_BYTES,
      maxFiles: KEPT_FILES,
      tailable: true,
      options: { flags: 'a', mode: 0o640 },
    })
  } catch {
    return undefined
  }
}

interface Line {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}

function jsonLine({ time, level, message, fields }: Line): string {
  const head = { time, level, message }
  return JSON.stringify({ ...head, ...fields, ...head })
}

function textLine({ time, level, message, fields }: Line): string {
  const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${asText(value)}`)
  return `${time} ${level.toUpperCase().padEnd(5)} ${oneLine(message)}${facts.join('')}`
}

function asText(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\\]+$/.test(value)) return oneLine(value)
  return oneLine(JSON.stringify(value) ?? 'null')
}

/** Control characters are escaped, so that no text of a user's can forge a line or steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => inspect(character).slice(1, -1))
}

function plainFields(fields: unknown): LogFields {
  return isRecord(fields) ? plainRecord(fields, 0) : {}
}

function plainRecord(record: Readonly<Record<string, unknown>>, depth: number): LogFields {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      SECRET.test(name) ? REDACTED : plainValue(value, depth + 1),
    ]),
  )
}

function plainValue(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return '…'
  if (value instanceof Error) return plainError(value, depth)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((item) => plainValue(item, depth + 1))
  if (isRecord(value)) return plainRecord(value, depth)
  return typeof value === 'bigint' || typeof value === 'function' ? String(value) : value
}

/** What has no code was not foreseen: only its stack says where it comes from. */
function plainError(error: Error, depth: number): LogFields {
  const code = 'code' in error ? error.code : undefined
  const stack = code === undefined ? error.stack : undefined
  return plainRecord({ message: error.message, code, stack, cause: error.cause }, depth)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
