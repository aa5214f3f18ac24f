import type { LazyFields, LogLevel } from './libstorage/logger.ts'
import type { AdjustableLogger, LoggerOptions } from './logging.ts'

/** A logger of which what writes its lines is loaded with the first of them. */
export interface LateLogger extends AdjustableLogger {
  /** Resolves when the lines so far are with what writes them. */
  settled(): Promise<void>
}

const SAID: Readonly<Record<LogLevel, readonly LogLevel[]>> = {
  error: ['error'],
  warn: ['error', 'warn'],
  info: ['error', 'warn', 'info'],
  debug: ['error', 'warn', 'info', 'debug'],
}

/** Makes a logger for a process that mostly has nothing to say: the library takes longer to load than such a command to run. */
export function createLateLogger(options: LoggerOptions): LateLogger {
  let { level } = options
  let real: Promise<AdjustableLogger> | undefined
  let handed: Promise<void> = Promise.resolve()
  const load = async (at: LogLevel) =>
    (await import('./logging.ts')).createLogger({ ...options, level: at })
  const hand = (work: (logger: AdjustableLogger) => void) => {
    real ??= load(level)
    const loaded = real
    handed = handed.then(async () => work(await loaded))
  }
  const log = (at: LogLevel) => (message: string, given?: LazyFields) => {
    if (!SAID[level].includes(at)) return
    const fields = typeof given === 'function' ? given() : given
    hand((logger) => logger[at](message, fields))
  }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    setLevel: (next) => {
      level = next
      if (real !== undefined) hand((logger) => logger.setLevel(next))
    },
    addFile: (path) => hand((logger) => logger.addFile(path)),
    closeFile: () => {
      if (real !== undefined) hand((logger) => logger.closeFile())
    },
    settled: () => handed,
  }
}
