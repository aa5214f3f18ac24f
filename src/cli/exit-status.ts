import { isStorageError, type StorageErrorCode } from '../libstorage/errors.ts'

/** 128 + SIGINT, as a shell reports a command that was interrupted. */
const INTERRUPTED = 130
const FAILURE = 1

const STATUSES: Readonly<Record<StorageErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: FAILURE,
  ERR_NOT_FOUND: FAILURE,
  ERR_ALREADY_EXISTS: FAILURE,
  ERR_FAILED_PRECONDITION: FAILURE,
  ERR_RESOURCE_EXHAUSTED: FAILURE,
  ERR_PERMISSION_DENIED: FAILURE,
  ERR_UNAVAILABLE: FAILURE,
  ERR_TIMEOUT: FAILURE,
  ERR_ABORTED: INTERRUPTED,
  ERR_UNSUPPORTED: FAILURE,
}

/** The status that the program exits with when a command fails with this error. Never 0. */
export function exitStatusOf(error: unknown): number {
  return isStorageError(error) ? STATUSES[error.code] : FAILURE
}
