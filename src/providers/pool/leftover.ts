import { randomBytes } from 'node:crypto'
import type { ProcessIdentity } from '../../libstorage/process-identity.ts'

/** What a process was doing when it made a temporary entry. */
export type Undertaking = 'creating' | 'removing' | 'claiming' | 'ending'

const SHAPE = /^\.(?:creating|removing|claiming|ending)-([^~]+)~([^~]+)~(\d+)~(\d+)~[0-9a-f]+$/

/** A new name for a temporary entry; it says whose it is, so that nobody sweeps away what is being worked on. */
export function temporaryName(undertaking: Undertaking, owner: ProcessIdentity): string {
  const { bootId, pidNamespace, pid, startTime } = owner
  const token = randomBytes(8).toString('hex')
  return `.${undertaking}-${[bootId, pidNamespace, pid, startTime, token].join('~')}`
}

/** Who made this temporary entry, or undefined when it is none of ours. */
export function ownerOf(entry: string): ProcessIdentity | undefined {
  const [, bootId, pidNamespace, pid, startTime] = SHAPE.exec(entry) ?? []
  if (!bootId || !pidNamespace || !pid || !startTime) return undefined
  return { bootId, pidNamespace, pid: Number(pid), startTime }
}
