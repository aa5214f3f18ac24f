import {
  FailedPreconditionError,
  ResourceExhaustedError,
  volumeNamed,
} from '../../libstorage/errors.ts'
import type { InstanceId } from '../../libstorage/types.ts'
import { together } from '../../libstorage/wait.ts'
import type { Reference, WebSession } from './client.ts'
import type { Medium } from './media.ts'

/** What was refused: a volume by its name, and the machine that was to have it. */
interface Refused {
  readonly name: string
  readonly to: InstanceId
}

/** The refusal of a machine that has no such controller, with those that it has. */
export async function noController(
  session: WebSession,
  machine: Reference,
  name: string,
  { name: volume, to }: Refused,
): Promise<FailedPreconditionError> {
  const refs = await session.call('IMachine_getStorageControllers', { _this: machine })
  const names = await together(
    refs.map((_this) => session.call('IStorageController_getName', { _this })),
  )
  const list = names.map((one) => JSON.stringify(one)).join(', ')
  return new FailedPreconditionError({
    subject: volumeNamed(volume),
    problem: `cannot be attached to ${to}, which has no controller ${JSON.stringify(name)} (it has ${list || 'none'})`,
    remedy: `set virtualbox.controllerName, or add one while it is off: VBoxManage storagectl ${to} --name ${JSON.stringify(name)} --add sata --portcount 30`,
  })
}

/** The refusal of a controller that is no SATA one: no other takes disks while the machine runs. */
export function wrongBus(
  controller: string,
  bus: string,
  { name, to }: Refused,
): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `cannot be attached to ${to}, whose controller ${JSON.stringify(controller)} is ${bus} and not SATA`,
    remedy: 'set virtualbox.controllerName to one that is SATA',
  })
}

/** The refusal of a controller that is full. */
export function noPort(controller: string, { name, to }: Refused): ResourceExhaustedError {
  return new ResourceExhaustedError({
    subject: volumeNamed(name),
    problem: `cannot be attached to ${to}, whose controller ${JSON.stringify(controller)} has no free port`,
    remedy: `detach volumes from it, or give it more while it is off: VBoxManage storagectl ${to} --name ${JSON.stringify(controller)} --portcount 30`,
  })
}

/** The refusal of a volume whose file VirtualBox cannot read. */
export function unreadable(name: string, { problem = '' }: Medium): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `cannot be read by VirtualBox (${problem.trim().replace(/\.$/, '')})`,
    remedy: 'put its file back where it was on the host',
  })
}

/** What VirtualBox does with disks of the types that no volume can be of. */
const TYPES: Readonly<Record<string, string>> = {
  Shareable: 'gives it to several running machines at once, which destroy its file system',
  MultiAttach: 'gives each machine an image of its own, so that none sees what another wrote',
  Immutable: 'forgets what was written when the machine is powered off',
  Readonly: 'lets nobody write to it',
}

/** The refusal of a disk whose type would let two machines have it, or lose what is written. */
export function wrongType(name: string, { id }: Medium, type: string): FailedPreconditionError {
  const why = TYPES[type] ?? 'keeps it in a way that is not known to hold what is written'
  return new FailedPreconditionError({
    subject: volumeNamed(name),
    problem: `is of type ${type}: VirtualBox ${why}`,
    remedy: `make it one of a volume's type while no machine has it: VBoxManage modifymedium disk ${id} --type writethrough`,
  })
}

/** The refusal to pull a disk that the machine was told not to let go of. */
export function notHotPluggable(medium: Medium, cause: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: volumeNamed(medium.facts?.name ?? medium.id),
    problem:
      'cannot be detached from a running machine: it was attached as a disk that cannot be hot-plugged',
    remedy:
      'power that machine off first, or make the disk hot-pluggable in its settings while it is off',
    cause,
  })
}
