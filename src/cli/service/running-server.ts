import type { Directories } from '../../config/config.ts'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import {
  identifyProcess,
  isProvablyDead,
  type ProcessIdentity,
} from '../../libstorage/process-identity.ts'
import type { CommandContext } from '../context.ts'

/** A server that runs, told apart from every other process that had or will have its pid. */
export interface RunningServer {
  readonly pid: number
  hasEnded(): boolean
  /** Asks it to stop. Throws `FailedPreconditionError` where this process cannot prove that the pid is the server's. */
  terminate(): void
}

/** The one server of this home, by the lock that it holds; undefined where none runs. */
export async function findServer({
  host,
}: Pick<CommandContext, 'host'>): Promise<RunningServer | undefined> {
  const [directories, { ProcessLocks, SERVER_LOCK }] = await Promise.all([
    host.directories(),
    import('../../mount/locks.ts'),
  ])
  const owner = await new ProcessLocks(directories.run).ownerOf(SERVER_LOCK)
  if (owner === undefined) return undefined
  const { process: identity } = owner
  return {
    pid: identity.pid,
    hasEnded: () => isProvablyDead(identity),
    terminate: () => {
      requireSame(identity, directories)
      host.signal(identity.pid, 'SIGTERM')
    },
  }
}

/** A pid means nothing in another pid namespace, and may be another process's by now. */
function requireSame(identity: ProcessIdentity, { run }: Directories): void {
  const present = identifyProcess(identity.pid)
  const isSame =
    present !== undefined &&
    present.bootId === identity.bootId &&
    present.pidNamespace === identity.pidNamespace &&
    present.startTime === identity.startTime
  if (isSame) return
  throw new FailedPreconditionError({
    subject: `the server that holds ${run}/server.lock`,
    problem: `is process ${identity.pid} of another container, or ended just now`,
    remedy: 'stop it where it runs, or try again',
  })
}
