import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  isStorageError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  type StorageError,
  TimeoutError,
  UnavailableError,
} from '../../libstorage/errors.ts'
import type { VolumeAttachment } from '../../libstorage/types.ts'

/** What was asked of EC2, for its error's sentence. */
export interface Asked {
  /** The thing, as messages begin: `volume "data"`. */
  readonly subject: string
  /** The action as IAM names it: `ec2:AttachVolume`. */
  readonly action: string
}

type Kind =
  | 'not-found'
  | 'state'
  | 'exhausted'
  | 'permission'
  | 'credentials'
  | 'clock'
  | 'throttled'
  | 'unavailable'
  | 'invalid'
  | 'rate'
  | 'exists'

/** What EC2's codes mean (EC2 API Reference, "Error codes for the Amazon EC2 API"). */
const KINDS: Readonly<Record<string, Kind>> = {
  'InvalidVolume.NotFound': 'not-found',
  'InvalidVolumeID.Malformed': 'not-found',
  'InvalidSnapshot.NotFound': 'not-found',
  'InvalidSnapshotID.Malformed': 'not-found',
  'InvalidInstanceID.NotFound': 'not-found',
  'InvalidInstanceID.Malformed': 'not-found',
  'InvalidAttachment.NotFound': 'not-found',
  'InvalidVolumeModification.NotFound': 'not-found',
  VolumeInUse: 'state',
  IncorrectState: 'state',
  IncorrectInstanceState: 'state',
  InvalidState: 'state',
  IncorrectModificationState: 'rate',
  OperationNotPermitted: 'state',
  UnsupportedOperation: 'state',
  UnsupportedOperationException: 'state',
  'InvalidVolume.ZoneMismatch': 'state',
  'InvalidVolumeID.ZoneMismatch': 'state',
  'InvalidZone.NotFound': 'invalid',
  VolumeTypeNotAvailableInZone: 'invalid',
  EncryptedVolumesNotSupported: 'invalid',
  AttachmentLimitExceeded: 'exhausted',
  CardAttachmentLimitExceeded: 'exhausted',
  VolumeLimitExceeded: 'exhausted',
  ResourceLimitExceeded: 'exhausted',
  MaxIOPSLimitExceeded: 'exhausted',
  VolumeIOPSLimit: 'exhausted',
  SnapshotLimitExceeded: 'exhausted',
  VolumeModificationSizeLimitExceeded: 'exhausted',
  CopyVolumesLimitExceeded: 'exhausted',
  ConcurrentCopyVolumeLimitExceeded: 'exhausted',
  ConcurrentSnapshotLimitExceeded: 'exhausted',
  PendingSnapshotLimitExceeded: 'exhausted',
  TagLimitExceeded: 'exhausted',
  InsufficientVolumeCapacity: 'exhausted',
  VolumeModificationRateExceeded: 'rate',
  SnapshotCreationPerVolumeRateExceeded: 'rate',
  RequestLimitExceeded: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  EC2ThrottledException: 'throttled',
  UnauthorizedOperation: 'permission',
  AuthFailure: 'credentials',
  OptInRequired: 'permission',
  TagPolicyViolation: 'permission',
  CustomerKeyHasBeenRevoked: 'permission',
  InvalidKmsKey: 'permission',
  RequestExpired: 'clock',
  'InvalidSecurity.RequestHasExpired': 'clock',
  SignatureDoesNotMatch: 'credentials',
  ExpiredToken: 'credentials',
  ExpiredTokenException: 'credentials',
  InvalidClientTokenId: 'credentials',
  CredentialsProviderError: 'credentials',
  TokenProviderError: 'credentials',
  IdempotentParameterMismatch: 'exists',
  InternalError: 'unavailable',
  InternalFailure: 'unavailable',
  Unavailable: 'unavailable',
  ServiceUnavailable: 'unavailable',
  ConcurrentTagAccess: 'unavailable',
}

/** The way out that each kind has; what depends on the code stands in {@link REMEDIES}. */
const REMEDY: Readonly<Record<Kind, string>> = {
  'not-found': '',
  state: 'see what uses it, and try again',
  exhausted: 'make room, or have the limit raised by AWS',
  permission: 'have the policy of the caller allow it',
  credentials: 'correct the access key, the profile or the instance role',
  clock: "set this machine's clock",
  throttled: 'try again in a while',
  unavailable: 'try again',
  invalid: 'correct that and try again',
  rate: 'wait until the last change is through, and try again',
  exists: 'try again',
}

const REMEDIES: Readonly<Record<string, string>> = {
  'InvalidVolume.ZoneMismatch': 'use it on a machine in its zone, or move it by a snapshot',
  'InvalidVolumeID.ZoneMismatch': 'use it on a machine in its zone, or move it by a snapshot',
  VolumeTypeNotAvailableInZone: 'use another type or another zone',
  EncryptedVolumesNotSupported: 'leave encrypted out, or use another instance type',
  InsufficientVolumeCapacity: 'use another type or another zone, or try again later',
  AttachmentLimitExceeded: 'detach volumes from this instance, or use a larger one',
  CustomerKeyHasBeenRevoked: 'give the key back to the caller, or use another one',
  InvalidKmsKey: 'name a key that exists in this region and that the caller may use',
}

/** EC2's own code for an error (`VolumeInUse`), or undefined for one that is not EC2's. */
export function ec2Code(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return '$metadata' in error || error.name in KINDS ? error.name : undefined
}

/** Whether it is open what became of a request: it was sent, and no answer of EC2 came back. */
export function isUnknownOutcome(error: unknown): boolean {
  if (isStorageError(error)) return error instanceof TimeoutError
  const code = ec2Code(error)
  if (code !== undefined && KINDS[code] !== undefined)
    return KINDS[code] === 'unavailable' && code !== 'ConcurrentTagAccess'
  return isNetworkError(error) || httpStatus(error) >= 500
}

/** Whether EC2 took no more requests at that moment, and so did not carry this one out. */
export function isThrottled(error: unknown): boolean {
  return KINDS[ec2Code(error) ?? ''] === 'throttled'
}

/** Whether the same request may be answered otherwise a moment later: it is asked again. */
export function isTransient(error: unknown): boolean {
  return isThrottled(error) || isUnknownOutcome(error)
}

/** Whether the answer is that to a repeat, so that what was asked for may have been done before it. */
export function isOfRepeat(error: unknown): boolean {
  return repeatsOf(error) > 0
}

/** How many requests came before the one that this is the answer to. */
export function repeatsOf(error: unknown): number {
  return (metadataOf(error).attempts ?? 1) - 1
}

/** Says of an answer how many requests came before it, where some are known that its client has forgotten. */
export function noteRepeats(error: unknown, repeats: number): void {
  if (!(error instanceof Error) || !('$metadata' in error)) return
  Object.assign(error, { $metadata: { ...metadataOf(error), attempts: repeats + 1 } })
}

/** Says an error of EC2, of its credentials or of the way there as one of ours; what is none of these is a bug and stays. */
export function asStorageError(error: unknown, asked: Asked): unknown {
  if (isStorageError(error)) return error
  if (isAbort(error)) return error
  const code = ec2Code(error)
  const kind = code === undefined ? undefined : kindOf(code, error)
  if (kind !== undefined && error instanceof Error) return ofKind(kind, code ?? '', error, asked)
  if (!isNetworkError(error) || !(error instanceof Error)) return error
  return new UnavailableError({
    subject: asked.subject,
    problem: `cannot be asked of EC2 (${asked.action}: ${error.message || error.name})`,
    remedy: 'see whether its endpoint can be reached from here, and try again',
    cause: error,
  })
}

/** The refusal of a volume, as messages begin, that another machine has. */
export function heldBy(
  subject: string,
  { instanceId, state, since }: VolumeAttachment,
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject,
    problem: `is ${state} to ${instanceId} since ${since.toISOString()}`,
    remedy: 'detach it there',
  })
}

function kindOf(code: string, error: unknown): Kind | undefined {
  const known = Object.hasOwn(KINDS, code) ? KINDS[code] : undefined
  if (known !== undefined) return known
  if (/^(KMS\.|Kms|InvalidKmsKey)/.test(code)) return 'permission'
  if (/LimitExceeded$/.test(code)) return 'exhausted'
  if (/\.NotFound$/.test(code)) return 'not-found'
  if (/^(Invalid|Missing|Unknown|Malformed|Validation)/.test(code)) return 'invalid'
  const status = httpStatus(error)
  if (status >= 500) return 'unavailable'
  return status >= 400 ? 'invalid' : undefined
}

function ofKind(kind: Kind, code: string, cause: Error, { subject, action }: Asked): StorageError {
  if (kind === 'not-found') return new NotFoundError(missing(code, cause, subject), cause)
  const said = cause.message.trim().replace(/\.$/, '') || code
  const facts = {
    subject,
    problem: `was refused by EC2 (${action}: ${code}: ${said}${requestOf(cause)})`,
    remedy: REMEDIES[code] ?? REMEDY[kind],
    cause,
  }
  switch (kind) {
    case 'state':
    case 'rate':
      return new FailedPreconditionError(facts)
    case 'exhausted':
      return new ResourceExhaustedError(facts)
    case 'permission':
    case 'credentials':
    case 'clock':
      return new PermissionDeniedError(facts)
    case 'throttled':
    case 'unavailable':
      return new UnavailableError(facts)
    case 'exists':
      return new AlreadyExistsError(facts)
    case 'invalid':
      return new InvalidArgumentError(facts)
  }
}

/** What is not there: it need not be what was asked about, but a snapshot or an instance that was named beside it. */
function missing(code: string, { message }: Error, subject: string): string {
  const named = /'((?:snap|i)-[^']*)'/.exec(message)?.[1] ?? ''
  if (code.startsWith('InvalidSnapshot')) return `snapshot ${named}`.trim()
  if (code.startsWith('InvalidInstance')) return `instance ${named}`.trim()
  return code.startsWith('InvalidAttachment') ? `the attachment of ${subject}` : subject
}

function requestOf(error: Error): string {
  const { requestId } = metadataOf(error)
  return requestId === undefined ? '' : `, request ${requestId}`
}

interface Metadata {
  readonly requestId?: string
  readonly httpStatusCode?: number
  readonly attempts?: number
}

function httpStatus(error: unknown): number {
  return metadataOf(error).httpStatusCode ?? 0
}

function metadataOf(error: unknown): Metadata {
  if (!(error instanceof Error) || !('$metadata' in error)) return {}
  const { $metadata } = error
  return typeof $metadata === 'object' && $metadata !== null ? $metadata : {}
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

const NETWORK_CODES = new Set([
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

function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error.name === 'TimeoutError') return true
  return 'code' in error && typeof error.code === 'string' && NETWORK_CODES.has(error.code)
}
