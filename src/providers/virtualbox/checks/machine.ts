import type { Check, Finding } from '../../../libstorage/check.ts'
import { isStorageError } from '../../../libstorage/errors.ts'
import { fail, pass } from '../../../libstorage/findings.ts'
import { instanceStateOf } from '../machines.ts'
import { BEFORE, type Examined, type FoundHere } from './examined.ts'

/** Which of the host's machines this one is taken for, and by what; and whether it can be that one. */
export function machineCheck(examined: Examined): Check {
  return {
    id: 'virtualbox.machine',
    title: 'this machine among those of the host',
    after: BEFORE,
    async run() {
      let found: FoundHere
      try {
        found = await examined.here()
      } catch (error) {
        return [await unknown(examined, error)]
      }
      const { instance, by, state } = found
      const named = `${JSON.stringify(instance.name)} (${instance.id})`
      const other = await contradiction(examined, found)
      if (other !== undefined) return [other]
      if (instanceStateOf(state) !== 'stopped')
        return [pass(`this machine is ${named} by ${by}; to VirtualBox it is ${state}`)]
      return [
        fail(
          `this machine is taken for ${named} by ${by}, which is ${state} to VirtualBox: it is another one`,
          'set virtualbox.localMachineNameOrId to the name of this machine: VBoxManage list runningvms',
        ),
      ]
    },
  }
}

async function unknown(examined: Examined, error: unknown): Promise<Finding> {
  if (!isStorageError(error)) throw error
  const name = await examined.product()
  const strange = name !== undefined && name !== 'VirtualBox'
  return fail(
    `${error.finding}${strange ? `; its firmware calls it ${name}, which may be no guest of VirtualBox` : ''}`,
    'run vboxwebsrv as the user who owns this machine; what is his says: VBoxManage list vms',
    'set virtualbox.localMachineNameOrId to the name of this machine there',
    ...((await examined.isUuidClosed())
      ? ['run this as root, who can read its hardware UUID']
      : []),
  )
}

/** A configuration that was copied from another machine. */
async function contradiction(
  examined: Examined,
  { instance }: FoundHere,
): Promise<Finding | undefined> {
  if (examined.settings.localMachineNameOrId === undefined) return undefined
  const other = await examined.unconfigured()
  if (other === undefined || other.id === instance.id) return undefined
  return fail(
    `virtualbox.localMachineNameOrId says that this machine is ${JSON.stringify(instance.name)}, and its hardware that it is ${JSON.stringify(other.name)}`,
    `set virtualbox.localMachineNameOrId to ${JSON.stringify(other.name)}, or leave it out`,
  )
}
