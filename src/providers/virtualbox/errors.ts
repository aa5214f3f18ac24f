import { isSinceTold } from '../../libstorage/attachment-time.ts'
import {
  AlreadyExistsError,
  type ErrorFacts,
  FailedPreconditionError,
  InvalidArgumentError,
  isNetworkError,
  isStorageError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  type StorageError,
  systemCode,
  UnavailableError,
  UnsupportedError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeAttachment } from '../../libstorage/types.ts'
import { Code, VboxFault } from './fault.ts'

/** What was asked about, for the error's sentence. */
export interface Asked {
  /** The thing, as messages begin: `volume "data"`. */
  readonly subject: string
  readonly endpoint: string
}

/** Says a fault of the web service, or of the way there, as one of our errors; what is neither is a bug and stays. */
export function asStorageError(error: unknown, asked: Asked): unknown {
  if (isStorageError(error)) return error
  if (error instanceof VboxFault) return ofFault(error, asked)
  return ofNetwork(error, asked.endpoint) ?? error
}

/** The error of a web service that has lost the service process behind it, which it never finds again. */
export function serviceGone(endpoint: string, cause?: unknown): UnavailableError {
  return new UnavailableError({
    subject: service(endpoint),
    problem: 'has lost VBoxSVC, which does the work',
    remedy: 'restart vboxwebsrv on the host: it does not recover by itself',
    cause,
  })
}

/** The error of a logon that was refused. */
export function logonRefused(
  endpoint: string,
  userName: string,
  cause: unknown,
): PermissionDeniedError {
  const who = userName === '' ? 'without a user name' : `of ${userName}`
  return new PermissionDeniedError({
    subject: service(endpoint),
    problem: `refused the logon ${who}`,
    remedy:
      'correct virtualbox.userName and virtualbox.password, or turn authentication off on the host ' +
      '(VBoxManage setproperty websrvauthlibrary null); if nothing was changed there, restart vboxwebsrv',
    cause,
  })
}

/** The refusal of a volume that another machine has. */
export function heldBy(
  name: string,
  { instanceId, since }: VolumeAttachment,
): FailedPreconditionError {
  const when = isSinceTold(since) ? ` since ${since.toISOString()}` : ''
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is attached to ${instanceId}${when}`,
    remedy: 'detach it there',
  })
}

function service(endpoint: string): string {
  return `the VirtualBox web service at ${endpoint}`
}

type Kind = new (facts: ErrorFacts) => StorageError

interface Meaning {
  readonly kind: Kind
  readonly remedy: string
}

/** What a result code means where nothing special is known of it, with the way out. */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  [Code.invalidVmState]: {
    kind: FailedPreconditionError,
    remedy:
      'bring the machine into another state (a saved one has to be started, or its state discarded)',
  },
  [Code.invalidObjectState]: {
    kind: FailedPreconditionError,
    remedy:
      'end what uses it on the host, such as a settings window or another tool, and try again',
  },
  [Code.notSupported]: {
    kind: FailedPreconditionError,
    remedy: 'do it while the machine is powered off, or use a disk or controller that can',
  },
  [Code.objectInUse]: {
    kind: FailedPreconditionError,
    remedy:
      'detach it from every machine and delete the snapshots that hold it; if no machine shows it, restart the VirtualBox service of the host',
  },
  [Code.accessDenied]: {
    kind: FailedPreconditionError,
    remedy: 'see in VirtualBox what is wrong with the machine or the disk',
  },
  [Code.invalidArgument]: { kind: InvalidArgumentError, remedy: 'correct that and try again' },
  [Code.aborted]: { kind: UnavailableError, remedy: 'restart vboxwebsrv on the host' },
  [Code.notImplemented]: { kind: UnsupportedError, remedy: 'use VirtualBox 5.0 or newer' },
}

function ofFault(fault: VboxFault, { subject, endpoint }: Asked): StorageError {
  const said = fault.text.trim().replace(/\.$/, '')
  const problem = `was refused by VirtualBox (${fault.operation}: ${said || codeText(fault)})`
  switch (fault.kind) {
    case 'runtime': {
      if (fault.code === Code.objectNotFound) return new NotFoundError(subject, fault)
      if (fault.code === Code.fileError) return ofFile(fault, subject, problem)
      const { kind, remedy } = MEANINGS[fault.code ?? 0] ?? {
        kind: FailedPreconditionError,
        remedy: "see what VirtualBox's log on the host says",
      }
      return new kind({ subject, problem, remedy, cause: fault })
    }
    case 'unknown-method':
      return new UnsupportedError({
        subject,
        problem,
        remedy: 'use VirtualBox 5.0 or newer',
        cause: fault,
      })
    case 'rejected':
      return new InvalidArgumentError({
        subject,
        problem,
        remedy: 'correct that and try again',
        cause: fault,
      })
    case 'bare':
      return serviceGone(endpoint, fault)
    case 'invalid-object':
      return new UnavailableError({
        subject: service(endpoint),
        problem: `ended the web session in the middle (${fault.operation})`,
        remedy: 'try again, or give vboxwebsrv a longer timeout (-t)',
        cause: fault,
      })
    case 'no-soap':
      return new UnavailableError({
        subject: service(endpoint),
        problem: `answered with what is no SOAP (${fault.text})`,
        remedy: 'see whether virtualbox.endpoint and virtualbox.tls name a vboxwebsrv',
        cause: fault,
      })
  }
}

function codeText({ code }: VboxFault): string {
  return code === undefined ? 'without a reason' : `0x${code.toString(16)}`
}

/** What VirtualBox's own runtime says of files on the host, by its status codes (iprt/err.h). */
function ofFile(fault: VboxFault, subject: string, problem: string): StorageError {
  const facts = { subject, problem, cause: fault }
  if (/VERR_ALREADY_EXISTS|already exists/i.test(fault.text))
    return new AlreadyExistsError({
      subject,
      problem: 'exists already as a file on the host',
      remedy: 'use it, or remove that file',
      cause: fault,
    })
  if (/VERR_DISK_FULL|VERR_FILE_TOO_BIG/.test(fault.text))
    return new ResourceExhaustedError({ ...facts, remedy: 'make room on the disk of the host' })
  if (/VERR_(?:ACCESS_DENIED|WRITE_PROTECT)/.test(fault.text))
    return new PermissionDeniedError({
      ...facts,
      remedy: 'let the user that vboxwebsrv runs as write to virtualbox.volumePath',
    })
  return new FailedPreconditionError({
    ...facts,
    remedy: 'see whether virtualbox.volumePath is a folder of the host, and the disk is readable',
  })
}

function ofNetwork(error: unknown, endpoint: string): UnavailableError | undefined {
  const code = systemCode(error)
  if (code === undefined || !(error instanceof Error)) return undefined
  const subject = service(endpoint)
  if (/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_/.test(code))
    return new UnavailableError({
      subject,
      problem: `has a certificate that is not trusted (${code})`,
      remedy:
        'name its certificate in virtualbox.caFile, or set virtualbox.tlsInsecure where nobody is in between',
      cause: error,
    })
  if (/^(?:EPROTO|ERR_SSL|HPE_)/.test(code))
    return new UnavailableError({
      subject,
      problem: `speaks another protocol (${code})`,
      remedy: 'see whether virtualbox.tls says what vboxwebsrv was started with (-s)',
      cause: error,
    })
  if (!isNetworkError(error)) return undefined
  const remedy =
    code === 'ECONNRESET'
      ? 'see whether virtualbox.tls says what vboxwebsrv was started with (-s), and whether it still runs'
      : 'start vboxwebsrv on the host as the user who owns the machines, and see whether a firewall is in between'
  return new UnavailableError({
    subject,
    problem: `cannot be reached (${error.message || code})`,
    remedy,
    cause: error,
  })
}
