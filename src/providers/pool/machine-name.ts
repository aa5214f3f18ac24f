import { readFileSync } from 'node:fs'
import { systemCode } from '../../libstorage/errors.ts'
import { readBootId } from '../../libstorage/process-identity.ts'
import type { InstanceId } from '../../libstorage/types.ts'
import type { Claim } from './claim.ts'

/** How this machine is told from the others that share a pool. */
export interface MachineName {
  /** Its name among them: its host name, or what was configured. */
  readonly instance: InstanceId
  /** What its installation made up for it (machine-id(5)), which tells two machines of one name apart; absent where it has none. */
  readonly machineId?: string | undefined
}

/** This machine's id, or undefined where it has none. */
export function readMachineId(path = '/etc/machine-id'): string | undefined {
  try {
    const id = readFileSync(path, 'utf8').trim()
    return /^[0-9a-f]{32}$/.test(id) ? id : undefined
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}

/**
 * A claim under its holder's name; a namesake of ours is another machine, and is called so. One of this boot of this kernel
 * is ours, whatever the machine's id is by now.
 */
export function namedClaim(claim: Claim, { instance, machineId }: MachineName): Claim {
  const isNamesake =
    claim.instance === instance && claim.machineId !== undefined && claim.machineId !== machineId
  if (!isNamesake || machineId === undefined || claim.bootId === readBootId()) return claim
  return { ...claim, instance: `${instance} (machine ${claim.machineId.slice(0, 8)})` }
}
