import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run, type RunResult } from '../../libstorage/run.ts'
import type { FileSystemUsage } from '../integration-driver.ts'

/** A file system that does not answer within this time is called hung. */
const TIMEOUT_MS = 5_000
/** A directory of millions of files takes a minute where they are not cached. */
const WALK_TIMEOUT_MS = 120_000

/** What a mounted file system holds and what is free in it, of which some may be kept for root. */
export async function fileSystemUsage(mountPoint: string, run: Run): Promise<FileSystemUsage> {
  const result = await run('stat', ['-f', '-c', '%S %b %f %a', '--', mountPoint], {
    timeoutMs: TIMEOUT_MS,
  })
  const [blockBytes = 0, total = 0, free = 0, available = 0] = result.stdout.split(' ').map(Number)
  if (result.exitCode === 0 && blockBytes > 0) {
    return { usedBytes: (total - free) * blockBytes, freeBytes: available * blockBytes }
  }
  throw notMeasured(mountPoint, result)
}

/** What the files of a directory take, without what is mounted inside, and what is free where it lies. */
export async function directoryUsage(directory: string, run: Run): Promise<FileSystemUsage> {
  const within = `${directory}/`
  const { freeBytes } = await fileSystemUsage(within, run)
  const args = ['--summarize', '--one-file-system', '--block-size=1', '--', within]
  const result = await run('du', args, { timeoutMs: WALK_TIMEOUT_MS })
  const usedBytes = Number(/^\d+/.exec(result.stdout)?.[0] ?? Number.NaN)
  // A file that went away meanwhile makes du complain, and changes little.
  if (Number.isNaN(usedBytes)) throw notMeasured(directory, result)
  return { usedBytes, freeBytes }
}

function notMeasured(subject: string, result: RunResult): FailedPreconditionError {
  return new FailedPreconditionError({
    subject,
    problem: `cannot be measured: ${lastLine(result)}`,
  })
}
