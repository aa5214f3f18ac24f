import {
  FailedPreconditionError,
  ResourceExhaustedError,
  type StorageError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { Claim } from '../pool/claim.ts'
import { CLAIM_FILE } from '../pool/claim.ts'
import type { StoredVolume } from '../pool/stored-volume.ts'

/** The error of a losetup that did not do it, by the last line it said. */
export function losetupFailed(subject: string, said: string): StorageError {
  if (/could(?:n't| not) find (?:an? )?(?:unused|available|free)|no free loop/i.test(said))
    return new ResourceExhaustedError({
      subject,
      problem: `gets no loop device (${said})`,
      remedy: 'detach volumes, or raise max_loop of the loop module',
    })
  return new FailedPreconditionError({
    subject,
    problem: `was refused by losetup (${said})`,
    remedy: 'look into the kernel log',
  })
}

/** The error of a device that somebody has open: a mount in some namespace, a tool. */
export function stillHeld(name: string, device: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is still held: ${device} is mounted or open in some namespace`,
    remedy: 'stop what uses it and try again',
  })
}

/** The error of a volume that a machine has whose kernel is not this one. */
export function outOfReach({ name, folder }: StoredVolume, claim: Claim): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is attached to ${claim.instance} since ${claim.since}, whose kernel this machine cannot make let go`,
    remedy: `detach it there, or, when that machine is off for good, delete ${folder}/${CLAIM_FILE}`,
  })
}

/** The error of a forced detach where the tool for it is missing or failed. */
export function cannotPull(
  name: string,
  device: string,
  said: string,
  cause?: unknown,
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `cannot be taken from whoever holds ${device} (${said})`,
    remedy: 'stop what uses it, or install perl',
    cause,
  })
}

/** The error of a copy of a volume in use, in a pool that cannot clone a file at one stroke. */
export function cannotClone(name: string, cause: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem:
      'is in use, and its pool cannot copy it at one moment (its file system has no reflinks)',
    remedy: 'stop what uses it and try again, or keep the pool on xfs or btrfs',
    cause,
  })
}
