/** The codes of the family, after gRPC's; `docs/operations.md` says what each one means to a user. */
export type StorageErrorCode =
  | 'ERR_INVALID_ARGUMENT'
  | 'ERR_NOT_FOUND'
  | 'ERR_ALREADY_EXISTS'
  | 'ERR_FAILED_PRECONDITION'
  | 'ERR_RESOURCE_EXHAUSTED'
  | 'ERR_PERMISSION_DENIED'
  | 'ERR_UNAVAILABLE'
  | 'ERR_TIMEOUT'
  | 'ERR_ABORTED'
  | 'ERR_UNSUPPORTED'

/** What an error is about. The message is `<subject> <problem>, <remedy>`, lower case, without a full stop. */
export interface ErrorFacts {
  /** The thing, named: `volume "data"`, `option size`. See {@link volumeNamed}. */
  readonly subject: string
  /** What is wrong with it, as a clause: `is attached to i-0abc`. */
  readonly problem: string
  /** The way out, as an imperative: `detach it there`. */
  readonly remedy?: string | undefined
  readonly cause?: unknown
}

/** A failure that is meant for the user. Anything else that is thrown is a bug and is logged with its stack. */
export abstract class StorageError extends Error {
  abstract readonly code: StorageErrorCode
  readonly #facts: ErrorFacts

  constructor(facts: ErrorFacts) {
    const { subject, problem, remedy, cause } = facts
    super(`${subject} ${problem}${remedy === undefined ? '' : `, ${remedy}`}`, { cause })
    this.name = new.target.name
    this.#facts = facts
  }

  /** The message without the way out. */
  get finding(): string {
    return `${this.#facts.subject} ${this.#facts.problem}`
  }

  /** The way out, where there is one. */
  get remedy(): string | undefined {
    return this.#facts.remedy
  }
}

/** The request is wrong however often it is sent. */
export class InvalidArgumentError extends StorageError {
  readonly code = 'ERR_INVALID_ARGUMENT'
}

/** The thing does not exist, and the platform says so definitely. */
export class NotFoundError extends StorageError {
  readonly code = 'ERR_NOT_FOUND'

  constructor(subject: string, cause?: unknown) {
    super({ subject, problem: 'not found', cause })
  }
}

/** The name is taken by something that is not what was asked for. */
export class AlreadyExistsError extends StorageError {
  readonly code = 'ERR_ALREADY_EXISTS'
}

/** It cannot be done in the present state: attached elsewhere, still held, foreign data on the device. */
export class FailedPreconditionError extends StorageError {
  readonly code = 'ERR_FAILED_PRECONDITION'
}

/** A limit is reached: attachments, quota, device names, disk space. */
export class ResourceExhaustedError extends StorageError {
  readonly code = 'ERR_RESOURCE_EXHAUSTED'
}

/** The platform or the kernel refused; the message names the missing permission. */
export class PermissionDeniedError extends StorageError {
  readonly code = 'ERR_PERMISSION_DENIED'
}

/** Unreachable or throttling for now; worth a repeat. */
export class UnavailableError extends StorageError {
  readonly code = 'ERR_UNAVAILABLE'
}

/** The state asked for was not reached in time; the work may still be going on. */
export class TimeoutError extends StorageError {
  readonly code = 'ERR_TIMEOUT'
}

/** The caller went away. */
export class AbortedError extends StorageError {
  readonly code = 'ERR_ABORTED'
}

/** This driver has no such ability. */
export class UnsupportedError extends StorageError {
  readonly code = 'ERR_UNSUPPORTED'
}

/** How a volume is named in a message; quotes and control characters in the name are escaped. */
export function volumeNamed(name: string): string {
  return `volume ${JSON.stringify(name)}`
}

/** Tells a failure meant for the user from a bug. */
export function isStorageError(error: unknown): error is StorageError {
  return error instanceof StorageError
}

/** What the operating system and Node say of somebody who cannot be reached, or was lost on the way. */
const NETWORK_CODES: ReadonlySet<string | undefined> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
])

/** Whether an error came on the way to somebody or back, rather than from him. */
export function isNetworkError(error: unknown): boolean {
  return NETWORK_CODES.has(systemCode(error))
}

/** The code of an operating system's error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What the work came to, or, of a failure that is meant for the user, its sentence. */
export async function told<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work()
  } catch (error) {
    if (!isStorageError(error)) throw error
    return error.message
  }
}
