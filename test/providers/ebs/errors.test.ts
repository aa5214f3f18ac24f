import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DescribeVolumesCommand, EC2Client, EC2ServiceException } from '@aws-sdk/client-ec2'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { describe, expect, test } from 'vitest'
import {
  AbortedError,
  isStorageError,
  type StorageErrorCode,
  TimeoutError,
} from '../../../src/libstorage/errors.ts'
import {
  asStorageError,
  ec2Code,
  heldBy,
  isUnknownOutcome,
  saidIn,
} from '../../../src/providers/ebs/errors.ts'

const asked = { subject: 'volume "data"', action: 'ec2:AttachVolume' }

function answer(name: string, httpStatusCode = 400, message = 'It cannot be.'): Error {
  return new EC2ServiceException({
    name,
    message,
    $fault: httpStatusCode >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode, requestId: 'req-1' },
  })
}

/** EC2's codes by what they come to, from the EC2 API Reference. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  ERR_NOT_FOUND: [
    'InvalidVolume.NotFound',
    'InvalidVolumeID.Malformed',
    'InvalidSnapshot.NotFound',
    'InvalidInstanceID.NotFound',
    'InvalidAttachment.NotFound',
    'InvalidVolumeModification.NotFound',
  ],
  ERR_FAILED_PRECONDITION: [
    'VolumeInUse',
    'IncorrectState',
    'IncorrectInstanceState',
    'InvalidState',
    'IncorrectModificationState',
    'VolumeModificationRateExceeded',
    'SnapshotCreationPerVolumeRateExceeded',
    'InvalidVolume.ZoneMismatch',
    'InvalidVolumeID.ZoneMismatch',
    'OperationNotPermitted',
    'UnsupportedOperation',
  ],
  ERR_RESOURCE_EXHAUSTED: [
    'AttachmentLimitExceeded',
    'CardAttachmentLimitExceeded',
    'VolumeLimitExceeded',
    'ResourceLimitExceeded',
    'MaxIOPSLimitExceeded',
    'VolumeIOPSLimit',
    'SnapshotLimitExceeded',
    'VolumeModificationSizeLimitExceeded',
    'CopyVolumesLimitExceeded',
    'ConcurrentCopyVolumeLimitExceeded',
    'ConcurrentSnapshotLimitExceeded',
    'PendingSnapshotLimitExceeded',
    'TagLimitExceeded',
    'InsufficientVolumeCapacity',
  ],
  ERR_PERMISSION_DENIED: [
    'AccessDenied',
    'InvalidIdentityTokenException',
    'IDPRejectedClaimException',
    'RegionDisabledException',
    'MissingAuthenticationToken',
    'UnauthorizedOperation',
    'AuthFailure',
    'OptInRequired',
    'TagPolicyViolation',
    'CustomerKeyHasBeenRevoked',
    'InvalidKmsKey',
    'InvalidKmsKey.InvalidState',
    'KMS.DisabledException',
    'RequestExpired',
    'InvalidSecurity.RequestHasExpired',
    'SignatureDoesNotMatch',
    'ExpiredToken',
    'InvalidClientTokenId',
  ],
  ERR_UNAVAILABLE: [
    'IDPCommunicationErrorException',
    'RequestLimitExceeded',
    'Throttling',
    'ThrottlingException',
    'EC2ThrottledException',
    'InternalError',
    'InternalFailure',
    'Unavailable',
    'ServiceUnavailable',
    'ConcurrentTagAccess',
  ],
  ERR_INVALID_ARGUMENT: [
    'InvalidZone.NotFound',
    'VolumeTypeNotAvailableInZone',
    'EncryptedVolumesNotSupported',
    'InvalidParameter',
    'InvalidParameterCombination',
    'InvalidParameterDependency',
    'InvalidParameterValue',
    'InvalidClientToken',
    'MissingParameter',
    'UnknownParameter',
    'UnknownVolumeType',
    'ValidationError',
  ],
  ERR_ALREADY_EXISTS: ['IdempotentParameterMismatch'],
}
const cases = Object.entries(CODES).flatMap(([kind, codes]) =>
  codes.map((code) => [code, kind as StorageErrorCode] as const),
)

describe('an answer of EC2', () => {
  test.each(cases)('%s is %s', (code, kind) => {
    const cause = answer(code)
    const error = asStorageError(cause, asked)
    if (!isStorageError(error)) throw error
    expect(error.code).toBe(kind)
    expect(error.cause).toBe(cause)
    if (kind === 'ERR_NOT_FOUND') expect(error.message).toMatch(/^[a-z].* not found$/)
    else {
      const said = `volume "data" was refused by EC2 (ec2:AttachVolume: ${code}: It cannot be, request req-1), `
      expect(error.message.startsWith(said), error.message).toBe(true)
      expect(error.message).toMatch(/, request req-1\), [a-z][^.]{4,}$/)
    }
  })

  test.each<[string, RegExp]>([
    ['InvalidVolume.ZoneMismatch', /zone/],
    ['InsufficientVolumeCapacity', /another type or another zone/],
    ['RequestExpired', /clock/],
    ['UnauthorizedOperation', /policy/],
    ['ExpiredToken', /access key, the profile or the instance role/],
    ['VolumeModificationRateExceeded', /wait/],
  ])('%s names its own way out', (code, remedy) => {
    expect(String(asStorageError(answer(code), asked))).toMatch(remedy)
  })

  test('what is not there is named, be it not what was asked about', () => {
    const said = (code: string, message: string) =>
      String(asStorageError(answer(code, 400, message), asked))
    expect(said('InvalidVolume.NotFound', "The volume 'vol-1' does not exist.")).toMatch(
      /: volume "data" not found$/,
    )
    expect(said('InvalidSnapshot.NotFound', "The snapshot 'snap-1' does not exist.")).toMatch(
      /: snapshot snap-1 not found$/,
    )
    expect(said('InvalidInstanceID.NotFound', "The instance ID 'i-1' does not exist")).toMatch(
      /: instance i-1 not found$/,
    )
    expect(said('InvalidAttachment.NotFound', '')).toMatch(/: the attachment of volume "data" not/)
  })

  test('a code that is new is judged by its form and its status', () => {
    const kindOf = (code: string, status: number) => {
      const error = asStorageError(answer(code, status), asked)
      return isStorageError(error) ? error.code : 'none'
    }
    expect(kindOf('NewLimitExceeded', 400)).toBe('ERR_RESOURCE_EXHAUSTED')
    expect(kindOf('InvalidThing.NotFound', 400)).toBe('ERR_NOT_FOUND')
    expect(kindOf('Whatever', 503)).toBe('ERR_UNAVAILABLE')
    expect(kindOf('Whatever', 400)).toBe('ERR_INVALID_ARGUMENT')
  })

  test('a name that every object has is no code', () => {
    expect(ec2Code(answer('constructor'))).toBe('constructor')
    expect(isStorageError(asStorageError(answer('constructor', 500), asked))).toBe(true)
  })
})

describe('what is no answer of EC2', () => {
  test('a bug stays what it is', () => {
    const bug = new TypeError('x is undefined')
    expect(asStorageError(bug, asked)).toBe(bug)
    expect(ec2Code(bug)).toBeUndefined()
    expect(ec2Code('text')).toBeUndefined()
  })

  test('an error of ours stays what it is', () => {
    const ours = new AbortedError({ subject: 'x', problem: 'y' })
    expect(asStorageError(ours, asked)).toBe(ours)
  })

  test.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE'])(
    '%s on the way is said as an outage that names the endpoint as suspect',
    (code) => {
      const cause = Object.assign(new Error(`connect ${code}`), { code })
      const error = asStorageError(cause, asked)
      expect(isStorageError(error) && error.code).toBe('ERR_UNAVAILABLE')
      expect(String(error)).toMatch(/endpoint/)
      expect(isUnknownOutcome(cause)).toBe(true)
    },
  )

  test('a time of the client that ran out is said without the words of its library', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const client = new EC2Client({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ requestTimeout: 50, throwOnRequestTimeout: true }),
    })
    try {
      const failed = await client.send(new DescribeVolumesCommand({})).catch((error) => error)
      expect(String(asStorageError(failed, asked))).toContain(': no answer within 0.05 s)')
    } finally {
      client.destroy()
      silent.closeAllConnections()
      silent.close()
    }
    const text =
      '@smithy/node-http-handler - the request socket did not establish a connection with the server within the configured timeout of 3000 ms.'
    const unconnected = Object.assign(new Error(text), { name: 'TimeoutError' })
    expect(saidIn(unconnected)).toBe('no connection within 3 s')
  })

  test('missing credentials are said as such', () => {
    const cause = Object.assign(new Error('Could not load credentials from any providers'), {
      name: 'CredentialsProviderError',
    })
    const error = asStorageError(cause, asked)
    expect(isStorageError(error) && error.code).toBe('ERR_PERMISSION_DENIED')
    expect(String(error)).toMatch(/access key, the profile or the instance role/)
  })
})

describe('an outcome', () => {
  test('is open after an outage and after a time that ran out, not after a refusal', () => {
    for (const code of ['InternalError', 'Unavailable', 'ServiceUnavailable'])
      expect(isUnknownOutcome(answer(code, 500)), code).toBe(true)
    expect(isUnknownOutcome(answer('Whatever', 502))).toBe(true)
    expect(isUnknownOutcome(new TimeoutError({ subject: 'x', problem: 'y' }))).toBe(true)
    for (const code of ['VolumeInUse', 'RequestLimitExceeded', 'ConcurrentTagAccess'])
      expect(isUnknownOutcome(answer(code)), code).toBe(false)
    expect(isUnknownOutcome(answer('InsufficientVolumeCapacity', 500))).toBe(false)
    const bug = new TypeError('bug')
    expect(isUnknownOutcome(bug)).toBe(false)
    // The client notes its attempts on whatever comes of a request.
    expect(isUnknownOutcome(Object.assign(bug, { $metadata: { attempts: 1 } }))).toBe(true)
  })
})

test('a holder is named with its state and since when', () => {
  const since = new Date('2026-01-02T03:04:05Z')
  const error = heldBy('volume "data"', {
    volumeId: 'vol-1',
    instanceId: 'i-1',
    state: 'attached',
    since,
  })
  expect(error.message).toBe(
    'volume "data" is attached to i-1 since 2026-01-02T03:04:05.000Z, detach it there',
  )
})
