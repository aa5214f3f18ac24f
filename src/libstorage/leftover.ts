import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { identifySelf, isProvablyDead, type ProcessIdentity } from './process-identity.ts'

const SHAPE = /^\.[a-z-]+-([^~]+)~([^~]+)~(\d+)~(\d+)~[0-9a-f]+$/

/** A name for something temporary that says whose it is, so that nobody sweeps away what is being worked on. */
export function leftoverName(undertaking: string, owner: ProcessIdentity = identifySelf()): string {
  const { bootId, pidNamespace, pid, startTime } = owner
  const token = randomBytes(8).toString('hex')
  return `.${undertaking}-${[bootId, pidNamespace, pid, startTime, token].join('~')}`
}

/** Who made this temporary entry, or undefined when it is none of ours. */
export function ownerOfLeftover(entry: string): ProcessIdentity | undefined {
  const [, bootId, pidNamespace, pid, startTime] = SHAPE.exec(entry) ?? []
  if (!bootId || !pidNamespace || !pid || !startTime) return undefined
  return { bootId, pidNamespace, pid: Number(pid), startTime }
}

/** Deletes what provably dead processes left in a folder of this machine. */
export function sweepLeftovers(folder: string): void {
  for (const entry of readdirSync(folder)) {
    const owner = ownerOfLeftover(entry)
    if (owner === undefined || !isProvablyDead(owner)) continue
    rmSync(path.join(folder, entry), { recursive: true, force: true })
  }
}
