import { posix } from 'node:path'
import * as z from 'zod'
import { parseDuration } from '../libstorage/duration.ts'
import type { LogLevel } from '../libstorage/logger.ts'

/** Turns a text into a value; undefined means that it is none. */
type Parse<T> = (text: string) => T | undefined

/** A value that is always there. The message of what it refuses is its remedy: `use` and what is allowed. */
export function required<T>(parse: Parse<T>, allowed: string): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = parse(text.trim())
    return value === undefined ? refuse(context, allowed) : value
  })
}

/** A value that may be left out, which an empty text does too. */
export function optional<T>(parse: Parse<T>, allowed: string): z.ZodType<T | undefined, string> {
  return z.string().transform((text, context) => {
    if (text.trim() === '') return undefined
    const value = parse(text.trim())
    return value === undefined ? refuse(context, allowed) : value
  })
}

function refuse(context: z.core.$RefinementCtx, allowed: string): never {
  context.addIssue({ code: 'custom', message: `use ${allowed}` })
  return z.NEVER
}

/** Reads what REX-Ray and YAML 1.1 take for a truth value. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:true|t|1|yes|y|on)$/i.test(text)) return true
  if (/^(?:false|f|0|no|n|off)$/i.test(text)) return false
  return undefined
}

/** A value that is true or false, and nothing else. */
export const BOOLEAN = required(parseBoolean, 'true or false')

/** Reads `false`, `true`, `dead` or `fence`. */
export function parsePreempt(text: string): boolean | 'dead' | 'fence' | undefined {
  const word = text.toLowerCase()
  return word === 'dead' || word === 'fence' ? word : parseBoolean(text)
}

/** Reads a whole number that is not negative. */
export function parseCount(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  const count = Number(text)
  return Number.isSafeInteger(count) ? count : undefined
}

/** Reads permission bits in octal: `0755`, `755`, `0o755`. */
export function parseFileMode(text: string): number | undefined {
  const digits = /^(?:0o?)?([0-7]{3,4})$/i.exec(text)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 8)
}

/** Reads an absolute path that is not the root. */
export function parseDirectory(text: string): string | undefined {
  if (!text.startsWith('/') || hasControlCharacter(text)) return undefined
  const path = posix.resolve(text)
  return path === '/' ? undefined : path
}

/** Reads a folder inside a file system; `/` is its root, and nothing leads out of it. */
export function parseRootPath(text: string): string | undefined {
  if (text === '' || hasControlCharacter(text) || text.split('/').includes('..')) return undefined
  return posix.resolve('/', text)
}

/** Reads where a module listens: a bare path, `unix:///path` or `tcp://host:port`. */
export function parseHost(text: string): string | undefined {
  const path = /^(?:unix:\/\/)?(\/.*)$/i.exec(text)?.[1]
  if (path !== undefined) {
    const socket = parseDirectory(path)
    return socket === undefined ? undefined : `unix://${socket}`
  }
  const { address, port } =
    /^tcp:\/\/(?<address>[^\s/]*:(?<port>\d+))\/?$/i.exec(text)?.groups ?? {}
  return Number(port) <= 65_535 ? `tcp://${address}` : undefined
}

/** Reads how long a caller waits; in less than five seconds nothing can be mounted. */
export function parseCallTimeout(text: string): number | undefined {
  const timeoutMs = parseDuration(text)
  return timeoutMs !== undefined && timeoutMs >= 5_000 ? timeoutMs : undefined
}

/** Reads REX-Ray's log levels: panic and fatal mean error, trace means debug. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const levels: Readonly<Record<string, LogLevel>> = {
    panic: 'error',
    fatal: 'error',
    error: 'error',
    warn: 'warn',
    warning: 'warn',
    info: 'info',
    debug: 'debug',
    trace: 'debug',
  }
  return Object.hasOwn(levels, text.toLowerCase()) ? levels[text.toLowerCase()] : undefined
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
