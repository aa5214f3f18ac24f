import {
  type ErrorFacts,
  FailedPreconditionError,
  PermissionDeniedError,
  systemCode,
} from '../libstorage/errors.ts'

/** Says for the user why a server cannot listen; what the system has no code for passes as it is. */
export function listenFailure(host: string, error: unknown): unknown {
  const subject = `host ${host}`
  const facts = (problem: string, remedy: string): ErrorFacts => ({
    subject,
    problem,
    remedy,
    cause: error,
  })
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new FailedPreconditionError(
        facts('is in use: another server answers there', 'stop that one or choose another host'),
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new FailedPreconditionError(
        facts('is not an address of this machine', 'choose one that is'),
      )
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new PermissionDeniedError(
        facts('may not be listened on by this user', 'run as root or choose another host'),
      )
    case 'ENOTDIR':
    case 'EEXIST':
      return new FailedPreconditionError(
        facts('lies in a folder that is a file', 'move that file away or choose another host'),
      )
    default:
      return error
  }
}
