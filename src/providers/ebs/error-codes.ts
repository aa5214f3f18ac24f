/** What a refusal means to its caller. */
export type Kind =
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
export const KINDS: Readonly<Record<string, Kind>> = {
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
  // STS's, where a role is assumed; nothing was asked of EC2 then.
  AccessDenied: 'permission',
  InvalidIdentityTokenException: 'credentials',
  IDPRejectedClaimException: 'credentials',
  IDPCommunicationErrorException: 'throttled',
  RegionDisabledException: 'permission',
  MissingAuthenticationToken: 'credentials',
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
export const REMEDY: Readonly<Record<Kind, string>> = {
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

/** The way out of single codes. */
export const REMEDIES: Readonly<Record<string, string>> = {
  'InvalidVolume.ZoneMismatch': 'use it on a machine in its zone, or move it by a snapshot',
  'InvalidVolumeID.ZoneMismatch': 'use it on a machine in its zone, or move it by a snapshot',
  VolumeTypeNotAvailableInZone: 'use another type or another zone',
  EncryptedVolumesNotSupported: 'leave encrypted out, or use another instance type',
  InsufficientVolumeCapacity: 'use another type or another zone, or try again later',
  AttachmentLimitExceeded: 'detach volumes from this instance, or use a larger one',
  // Of what is asked here, copies of snapshots under way are limited so, per region.
  ResourceLimitExceeded: 'wait for copies under way, or have the limit raised by AWS',
  CustomerKeyHasBeenRevoked: 'give the key back to the caller, or use another one',
  InvalidKmsKey: 'name a key that exists in this region and that the caller may use',
}
