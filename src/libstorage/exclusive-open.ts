import { constants, existsSync } from 'node:fs'
import path from 'node:path'
import { getSystemErrorName } from 'node:util'
import {
  FailedPreconditionError,
  NotFoundError,
  PermissionDeniedError,
  TimeoutError,
  UnavailableError,
} from './errors.ts'
import { lastLine, type Run } from './run.ts'

/** A disk that does not open within this time is called hung. */
const LIMIT_MS = 10_000
const FLAGS = String(constants.O_RDONLY | constants.O_EXCL)

/** What a child runs, for a device, its folder in sysfs and the flags: it says 0, or the number of the error (errno(3)). */
const BY_PERL =
  'flock($lock,2) if open $lock,"<",$ARGV[1];print sysopen($device,$ARGV[0],$ARGV[2])?0:$!+0'
const BY_NODE = `let said = 0
try { require('node:fs').openSync(process.argv[1], Number(process.argv[3])) } catch (error) { said = -error.errno }
process.stdout.write(String(said))`

/**
 * Opens a block device with O_EXCL and closes it at once: the kernel refuses while any mount namespace or tool has it
 * (open(2)). Rejects with `NotFoundError` where there is none, and with `TimeoutError` where its disk hangs.
 *
 * A killed reader of a hung disk keeps the kernel's lock on it, and who opens the disk then cannot even be killed. So a
 * child does it: a thread of ours in that state would keep this process from its end, and its sockets with it. Children
 * take turns at the device by its folder in sysfs, whoever started them, so that one at most is stuck: those behind it can be killed.
 */
export async function openExclusively(
  device: string,
  run: Run,
  timeoutMs = LIMIT_MS,
): Promise<'free' | 'held'> {
  const code = await inTime(device, timeoutMs, () => ask(device, run, timeoutMs))
  if (code === undefined) return 'free'
  if (code === 'EBUSY') return 'held'
  if (['ENOENT', 'ENXIO', 'ENODEV'].includes(code)) throw new NotFoundError(`device ${device}`)
  const facts = { subject: `device ${device}`, problem: `cannot be opened (${code})` }
  if (['EACCES', 'EPERM'].includes(code))
    throw new PermissionDeniedError({ ...facts, remedy: 'run this as root' })
  throw new FailedPreconditionError({ ...facts, remedy: 'see whether its disk is dying' })
}

/** Whether anybody holds a device, which nobody does that is gone. Rejects as {@link openExclusively} does otherwise. */
export async function isHeld(device: string, run: Run): Promise<boolean> {
  try {
    return (await openExclusively(device, run)) === 'held'
  } catch (error) {
    if (error instanceof NotFoundError) return false
    throw error
  }
}

/** The code of the system's error; undefined where the device could be opened. */
async function ask(device: string, run: Run, timeoutMs: number): Promise<string | undefined> {
  const folder = `/sys/class/block/${path.basename(device)}`
  const words = [device, folder, FLAGS]
  // Perl starts in a tenth of the time, and a held volume is looked at each second; but not every machine has it.
  const said = await run('perl', ['-e', BY_PERL, ...words], { timeoutMs }).catch(unlessMissing)
  const perlSays = said && numberIn(said.stdout)
  if (perlSays !== undefined) return codeOf(perlSays)
  const byNode = ['-e', BY_NODE, ...words]
  const result = existsSync(folder)
    ? await run('flock', [folder, process.execPath, ...byNode], { timeoutMs })
    : await run(process.execPath, byNode, { timeoutMs })
  const nodeSays = numberIn(result.stdout)
  if (nodeSays !== undefined) return codeOf(nodeSays)
  const problem = `cannot be looked at: ${lastLine(result)}`
  throw new UnavailableError({ subject: `device ${device}`, problem, remedy: 'try again' })
}

async function inTime<T>(device: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof TimeoutError)) throw cause
    throw new TimeoutError({
      subject: `device ${device}`,
      problem: `does not answer an open within ${timeoutMs / 1000} s`,
      remedy: 'see whether its disk hangs, and try again',
      cause,
    })
  }
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof FailedPreconditionError) return undefined
  throw error
}

function numberIn(stdout: string): number | undefined {
  return /^\d+$/.test(stdout) ? Number(stdout) : undefined
}

function codeOf(errno: number): string | undefined {
  return errno === 0 ? undefined : getSystemErrorName(-errno)
}
