import { FailedPreconditionError, volumeNamed } from '../../libstorage/errors.ts'
import type { WebSession } from './client.ts'
import type { Medium } from './media.ts'

/** Refuses a volume before which a snapshot of a machine has put another image: what was written since is in that one alone. */
export async function requireNoLaterImage(
  session: WebSession,
  medium: Medium,
  name: string,
): Promise<void> {
  const children = await session.call('IMedium_getChildren', { _this: medium.ref })
  if (children.length > 0) throw hasLaterImage(name, medium)
}

/** Refuses to copy what a machine writes to, or what is older than what a machine has. */
export async function requireCopyable(
  session: WebSession,
  medium: Medium,
  name: string,
): Promise<void> {
  await requireNoLaterImage(session, medium, name)
  if (medium.state === 'LockedWrite') throw writtenTo(name)
  if (medium.state !== 'LockedRead') return
  throw new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: 'is read by VirtualBox at this moment, by a copy of it or a machine with a snapshot',
    remedy: 'wait until that is done, and try again',
  })
}

/** Refuses to copy a snapshot that somebody has given to a machine which writes to it. One that is read may be read by two. */
export function requireSnapshotCopyable({ id, state, problem, machineIds }: Medium): void {
  const subject = `snapshot ${id}`
  const [machine = 'a machine'] = machineIds
  if (state === 'LockedWrite')
    throw new FailedPreconditionError({
      subject,
      problem: `was attached to ${machine} by hand, and is written to`,
      remedy: 'detach it there, and see whether it still holds what it held',
    })
  if (state !== 'Inaccessible') return
  throw new FailedPreconditionError({
    subject,
    problem: `cannot be read by VirtualBox (${(problem ?? '').trim().replace(/\.$/, '')})`,
    remedy: 'put its file back where it was on the host',
  })
}

/** The refusal of what a snapshot of a machine stands before. */
export function hasLaterImage(
  name: string,
  { machineIds }: Pick<Medium, 'machineIds'>,
): FailedPreconditionError {
  const [machine = 'MACHINE'] = machineIds
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is behind a snapshot of machine ${machine}, since which all that was written is in another image`,
    remedy: `delete that snapshot of the machine first (VBoxManage snapshot ${machine} list)`,
  })
}

/** The refusal to copy a volume that a running machine has. */
export function writtenTo(name: string, cause?: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem:
      'is attached to a running machine, and VirtualBox copies no disk at one moment that is written to',
    remedy: 'stop what uses it, so that it is detached, and try again',
    cause,
  })
}
