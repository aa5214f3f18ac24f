import {
  FailedPreconditionError,
  InvalidArgumentError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { VolumeSpec } from '../../libstorage/types.ts'
import type { Claim } from './claim.ts'
import type { StoredVolume } from './stored-volume.ts'

/** Throws `InvalidArgumentError` for what a pool cannot give a volume. */
export function refuseUnknown(driver: string, spec: VolumeSpec): void {
  const { name, sizeGiB, zone, type, iops, encrypted, encryptionKey } = spec
  if (name === '')
    throw new InvalidArgumentError({ subject: 'the name of a volume', problem: 'is empty' })
  if (!Number.isSafeInteger(sizeGiB) || sizeGiB < 1)
    throw new InvalidArgumentError({
      subject: 'option size',
      problem: `is ${sizeGiB}`,
      remedy: 'give a whole number of GiB, at least 1',
    })
  const options = { availabilityZone: zone, type, iops, encrypted, encryptionKey }
  for (const [option, value] of Object.entries(options))
    if (value !== undefined && value !== false)
      throw new InvalidArgumentError({
        subject: `option ${option}`,
        problem: `is nothing that the ${driver} driver knows`,
        remedy: 'leave it out',
      })
}

/** Throws `FailedPreconditionError` for a volume whose holder cannot be known. */
export function refuseDamagedClaim({
  name,
  damagedClaim,
  isUnreadable,
  problem = '',
}: StoredVolume): void {
  if (isUnreadable)
    throw new FailedPreconditionError({
      subject: volumeNamed(name),
      problem: `${problem}, so that nobody knows who has it`,
      remedy: 'mend that, or delete the folder when no machine uses the volume',
    })
  if (damagedClaim === undefined) return
  throw new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `has a damaged ${damagedClaim}, so that nobody knows who has it`,
    remedy: 'delete that file when no machine uses the volume',
  })
}

/** Throws `FailedPreconditionError` for a volume that cannot be used as it is. */
export function refuseDamaged(volume: StoredVolume): void {
  refuseDamagedClaim(volume)
  if (volume.problem === undefined) return
  throw new FailedPreconditionError({
    subject: volumeNamed(volume.name),
    problem: volume.problem,
    remedy: 'restore it, or remove the volume',
  })
}

/** The error of a volume that somebody has. */
export function heldBy({ name }: StoredVolume, claim: Claim): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is attached to ${claim.instance} since ${claim.since}`,
    remedy: 'detach it there first',
  })
}
