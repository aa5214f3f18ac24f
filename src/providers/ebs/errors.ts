import {
  AlreadyExistsError,
  FailedPreconditionError,
  InvalidArgumentError,
  isNetworkError,
  isStorageError,
  NotFoundError,
  PermissionDeniedError,
  ResourceExhaustedError,
  type StorageError,
  systemCode,
  TimeoutError,
  UnavailableError,
} from '../../libstorage/errors.ts'
import type { VolumeAttachment } from '../../libstorage/types.ts'
import { KINDS, type Kind, REMEDIES, REMEDY } from './error-codes.ts'

/** What was asked of EC2, for its error's sentence. */
export interface Asked {
  /** The thing, as messages begin: `volume "data"`. */
  readonly subject: string
  /** The action as IAM names it: `ec2:AttachVolume`. */
  readonly action: string
}

/** What EC2 says of a volume that is not there; for a moment also of one that was just made. */
export const UNKNOWN_VOLUME = 'InvalidVolume.NotFound'

/** A success that is none, or not all, of EC2's. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly $metadata: Metadata

  constructor(httpStatusCode: number) {
    super('the answer is not one of EC2')
    this.$metadata = { httpStatusCode }
  }
}

/** What the client calls a refusal in which it finds no code, by its status. */
const CODELESS: ReadonlySet<string> = new Set(['Unknown', 'NotFound'])

/** EC2's own code for an error (`VolumeInUse`), or undefined for one that is not EC2's. */
export function ec2Code(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const isRefusal = '$fault' in error && !CODELESS.has(error.name)
  return isRefusal || Object.hasOwn(KINDS, error.name) ? error.name : undefined
}

/** Whether it is open what became of a request: it was sent, and no answer of EC2 came back. */
export function isUnknownOutcome(error: unknown): boolean {
  if (isStorageError(error)) return error instanceof TimeoutError
  const code = ec2Code(error)
  if (code !== undefined && Object.hasOwn(KINDS, code))
    return KINDS[code] === 'unavailable' && code !== 'ConcurrentTagAccess'
  return isOfTheWay(error) || httpStatus(error) >= 500
}

/** Whether EC2 took no more requests at that moment, and so did not carry this one out. */
export function isThrottled(error: unknown): boolean {
  return KINDS[ec2Code(error) ?? ''] === 'throttled'
}

/** Whether AWS does not accept the credentials of a request, which others may have taken the place of where they came from. */
export function areCredentialsRefused(error: unknown): boolean {
  const code = ec2Code(error) ?? ''
  // Where there are none, the client remembers nothing.
  return KINDS[code] === 'credentials' && !code.endsWith('ProviderError')
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
  if (!isOfTheWay(error) || !(error instanceof Error)) return error
  return new UnavailableError({
    subject: asked.subject,
    problem: `cannot be asked of EC2 (${asked.action}: ${saidIn(error)})`,
    remedy: isUntrusted(error)
      ? 'give NODE_EXTRA_CA_CERTS a file with the certificates of the one who signed that of its endpoint'
      : 'see whether its endpoint can be reached from here, and try again',
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
  const facts = {
    subject,
    problem: `was refused by EC2 (${action}: ${answerOf(code, cause)})`,
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

/** What came back of a request that failed: EC2's words, with the request by which AWS finds it, or those of the way there. */
export function saidIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = ec2Code(error)
  return code === undefined ? onTheWay(error) : answerOf(code, error)
}

/** The client's words for a time that ran out name its library and its options. */
function onTheWay(error: Error): string {
  const { name, message } = error
  if (httpStatus(error) > 0)
    return `status ${httpStatus(error)} without a whole answer of EC2, as from a proxy on the way`
  const [, ms] = (name === 'TimeoutError' && / (\d+) ms\b/.exec(message)) || []
  if (ms === undefined) return message || name
  return `no ${/connection/.test(message) ? 'connection' : 'answer'} within ${Number(ms) / 1_000} s`
}

function answerOf(code: string, error: Error): string {
  const said = error.message.trim().replace(/\.$/, '') || code
  const { requestId } = metadataOf(error)
  return requestId === undefined ? `${code}: ${said}` : `${code}: ${said}, request ${requestId}`
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

/**
 * Whether the client has asked and got no word of EC2: it was cut off, it took too long, or what came was another's or not
 * whole. On all that happens to a request it notes how often it has sent it.
 */
function isOfTheWay(error: unknown): boolean {
  if (!(error instanceof Error) || isAbort(error)) return false
  if (isNetworkError(error) || error.name === 'TimeoutError') return true
  return '$metadata' in error && ec2Code(error) === undefined
}

/** Whether whoever answers shows a certificate that is not trusted here (Node.js, "X509 certificate error codes"). */
export function isUntrusted(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(systemCode(error) ?? '')
}

/** EC2 shows a volume, and yet answers that there is none. */
export function shownAndUnknown(subject: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject,
    problem: 'is shown by EC2, which says at the same time that there is none',
    remedy: 'try again in a minute',
    cause,
  })
}
