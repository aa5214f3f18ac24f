import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { systemCode } from './errors.ts'
import { type Logger, silentLogger } from './logger.ts'
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

/** Says that something was taken away which a process that died had left. */
export function saySwept(logger: Pick<Logger, 'info'>, what: string): void {
  logger.info(`${what} was left by a process that died, and is deleted`)
}

/**
 * Deletes what provably dead processes left in a folder of this machine, and says so. What cannot be deleted, as on a file
 * system that is read-only, stays for the next time; it is told of, and in nobody's way.
 */
export function sweepLeftovers(
  folder: string,
  logger: Pick<Logger, 'info'> = silentLogger,
  stays: (path: string, cause: unknown) => void = () => {},
): void {
  for (const entry of readdirSync(folder)) {
    const owner = ownerOfLeftover(entry)
    if (owner === undefined || !isProvablyDead(owner)) continue
    const left = path.join(folder, entry)
    try {
      rmSync(left, { recursive: true, force: true })
      saySwept(logger, left)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      stays(left, error)
    }
  }
}
