import {
  FailedPreconditionError,
  InvalidArgumentError,
  PermissionDeniedError,
  ResourceExhaustedError,
  systemCode,
  UnavailableError,
} from '../../libstorage/errors.ts'

/** A container keeps the folders of the machine that it began with: what is mounted on them later is not in it. */
const IN_A_PLUGIN =
  ' (in a managed plugin set pool.source, or disable it, mount that, and enable it again)'

/** Does something in a pool; what the operating system refuses there becomes a sentence that names the pool. */
export async function inPool<T>(pool: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw poolError(pool, error)
  }
}

/** The sentence for an error of the operating system in a pool; any other error as it is. */
function poolError(pool: string, cause: unknown): unknown {
  const subject = `pool ${pool}`
  switch (systemCode(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new ResourceExhaustedError({
        subject,
        problem: 'has no space left',
        remedy: 'remove volumes or make its file system or quota larger',
        cause,
      })
    case 'EROFS':
      return new FailedPreconditionError({
        subject,
        problem: 'is on a read-only file system',
        remedy: 'mount it read-write, or repair it if an error made it read-only',
        cause,
      })
    case 'EACCES':
    case 'EPERM':
      return new PermissionDeniedError({
        subject,
        problem: `cannot be used by this user (${detail(cause)})`,
        remedy: 'run as its owner or as root',
        cause,
      })
    case 'EFBIG':
      return tooLarge(pool, cause)
    case 'ENOTDIR':
    case 'ELOOP':
      return poolInTheWay(subject, cause)
    case 'EIO':
    case 'ESTALE':
    case 'ETIMEDOUT':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
      return new UnavailableError({
        subject,
        problem: `does not answer (${detail(cause)})`,
        remedy: 'look at the disk or the server that holds it',
        cause,
      })
    default:
      return cause
  }
}

function tooLarge(pool: string, cause: unknown): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: 'option size',
    problem: `is larger than a file can be in pool ${pool}`,
    remedy: 'choose a smaller size or a pool on another file system',
    cause,
  })
}

function poolInTheWay(subject: string, cause: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject,
    problem: `is no folder, or lies beneath something that is none (${detail(cause)})`,
    remedy: 'move what is in the way elsewhere, or set another path',
    cause,
  })
}

/** The error of a pool whose folder is not there. */
export function poolMissing(pool: string, cause: unknown): UnavailableError {
  return new UnavailableError({
    subject: `pool ${pool}`,
    problem: 'does not exist',
    remedy: `mount the file system that holds it${IN_A_PLUGIN}, or make the folder`,
    cause,
  })
}

/** The error of a pool whose folder is there and bare, though it held volumes once: an empty one beside the real one loses data. */
export function poolBare(pool: string, memory: string): UnavailableError {
  return new UnavailableError({
    subject: `pool ${pool}`,
    problem: 'had volumes once, and is an empty folder now',
    remedy: `mount the file system that holds it${IN_A_PLUGIN}, or remove ${memory} where it is to begin anew`,
  })
}

/** There is a pool where another one was: whoever looks for a volume there may find a namesake. */
export function poolOther(pool: string, memory: string): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `pool ${pool}`,
    problem: 'is another one than this machine had its volumes in',
    remedy: `bring the other one there (in a managed plugin set pool.source), or remove ${memory} to use this one`,
  })
}

function detail(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
