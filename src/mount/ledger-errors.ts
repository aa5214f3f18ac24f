import {
  PermissionDeniedError,
  ResourceExhaustedError,
  systemCode,
  UnavailableError,
} from '../libstorage/errors.ts'

/** The error about what cannot be read just now: it is not corrupt, and taking it for lost would lose its references. */
export function unreadable(subject: string, code: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject,
    problem: `cannot be read (${code})`,
    remedy: 'mend that and try again',
    cause,
  })
}

/** The error about something in a record's place that is none and cannot be moved out of the way. */
export function immovable(file: string, cause: unknown): PermissionDeniedError {
  return new PermissionDeniedError({
    subject: `ledger file ${file}`,
    problem: `is corrupt and cannot be put aside (${systemCode(cause) ?? String(cause)})`,
    remedy: 'move it elsewhere',
    cause,
  })
}

/** What keeps the ledger, or the run directory, from being written, as a sentence; anything else is a bug. */
export function recordingError(subject: string, cause: unknown): unknown {
  const code = systemCode(cause) ?? ''
  const facts = { subject, cause }
  if (['ENOSPC', 'EDQUOT'].includes(code)) {
    const problem = 'cannot be written: its disk is full'
    return new ResourceExhaustedError({
      ...facts,
      problem,
      remedy: 'make room there and try again',
    })
  }
  if (['EROFS', 'EACCES', 'EPERM'].includes(code)) {
    const problem = `cannot be written (${code})`
    return new PermissionDeniedError({
      ...facts,
      problem,
      remedy: 'make it writable and try again',
    })
  }
  if (code !== 'EIO') return cause
  return new UnavailableError({
    ...facts,
    problem: 'cannot be written (EIO)',
    remedy: 'see whether its disk is dying',
  })
}
