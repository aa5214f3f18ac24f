import type { ChildProcess } from 'node:child_process'
import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'
import { startProcess } from '../../libstorage/start-process.ts'
import { after } from '../../libstorage/wait.ts'
import type { Frozen, ToolStarting } from '../mounter.ts'
import { nameTool } from './tools.ts'

/** What is dirty is written back by then, or the disk hangs. */
const FLUSH_TIMEOUT_MS = 60_000
/** After the flush a freeze is a matter of milliseconds. */
const FREEZE_TIMEOUT_MS = 10_000
/** How long a file system stays frozen at most: whoever writes to it waits so long. */
const LONGEST_S = 30
const THAW_TIMEOUT_MS = 10_000
/** What the guard ends with when the freeze was refused. */
const REFUSED = 3
/** What fsfreeze says of what is not frozen (EINVAL), and of a place that is no more (ENOENT). */
const NOT_FROZEN = /Invalid argument|No such file or directory/

/**
 * Freezes, and thaws when its input ends, which it does when we die, or when the time is up. Signals that are meant for
 * us must not end it in between.
 */
const GUARD = `trap '' HUP INT TERM
read -r go || exit 0
fsfreeze --freeze "$1" || exit ${REFUSED}
echo frozen
timeout --signal=KILL "$2" cat > /dev/null
fsfreeze --unfreeze "$1"`

/** Writes back all that is dirty in the file system that is mounted there. */
export async function flushFileSystem(mountPoint: string, run: Run): Promise<void> {
  const result = await run('sync', ['--file-system', mountPoint], { timeoutMs: FLUSH_TIMEOUT_MS })
  if (result.exitCode === 0) return
  throw new FailedPreconditionError({
    subject: mountPoint,
    problem: `cannot be written back: ${lastLine(result)}`,
    remedy: 'see the kernel log (dmesg)',
  })
}

/** Lets nobody write to the file system that is mounted there, until it is thawed, we die, or `longestS` have passed. */
export async function freezeFileSystem(
  mountPoint: string,
  run: Run,
  starting: ToolStarting,
  longestS = LONGEST_S,
): Promise<Frozen> {
  const guard = startProcess('sh', ['-c', GUARD, 'sh', mountPoint, String(longestS)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  guard.stdin?.on('error', () => {})
  const ended = new Promise<number | undefined>((resolve) => {
    guard.once('exit', (code) => resolve(code ?? undefined))
    guard.once('error', () => resolve(undefined))
  })
  const end = async () => {
    guard.stdin?.end()
    const hangs = new Promise<'hangs'>((resolve) => {
      after(THAW_TIMEOUT_MS, () => resolve('hangs'))
    })
    return await Promise.race([ended, hangs])
  }
  const thaw = async () => {
    if ((await end()) !== 0) await thawFileSystem(mountPoint, run)
  }
  try {
    await nameTool('fsfreeze', guard.pid, starting)
    guard.stdin?.write('go\n')
    await isFrozen(guard, ended, mountPoint)
  } catch (error) {
    const code = await end()
    // A guard that was killed, or hangs, may have frozen it before.
    if (guard.pid !== undefined && code !== 0 && code !== REFUSED) return { thaw }
    throw error
  }
  return { thaw }
}

/** Thaws what a guard that was killed left frozen; of what is not frozen nothing is changed. Rejects where it may still be frozen. */
export async function thawFileSystem(mountPoint: string, run: Run): Promise<void> {
  const result = await run('fsfreeze', ['--unfreeze', mountPoint], { timeoutMs: THAW_TIMEOUT_MS })
  if (result.exitCode === 0 || NOT_FROZEN.test(result.stderr)) return
  throw new FailedPreconditionError({
    subject: mountPoint,
    problem: `cannot be thawed: ${lastLine(result)}`,
    remedy: 'see the kernel log (dmesg)',
  })
}

function isFrozen(guard: ChildProcess, ended: Promise<unknown>, mountPoint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const subject = `the file system at ${mountPoint}`
    const timer = after(FREEZE_TIMEOUT_MS, () =>
      reject(
        new TimeoutError({
          subject,
          problem: `was not frozen within ${FREEZE_TIMEOUT_MS / 1000} s`,
          remedy: 'see whether its disk hangs',
        }),
      ),
    )
    guard.stdout?.once('data', () => {
      timer.cancel()
      resolve()
    })
    void ended.then(() => {
      timer.cancel()
      reject(new FailedPreconditionError({ subject, problem: 'cannot be frozen by fsfreeze' }))
    })
  })
}
