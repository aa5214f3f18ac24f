import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { lastLine, type Run } from '../../libstorage/run.ts'

/** A directory of millions of files takes minutes. */
const TIMEOUT_MS = 3_600_000

/** Deletes files and folders with all that is in them, in a child: it may take long, and keeps no thread of ours. */
export async function removeTrees(run: Run, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return
  const result = await run('rm', ['-rf', '--', ...paths], { timeoutMs: TIMEOUT_MS })
  if (result.exitCode === 0) return
  throw new FailedPreconditionError({
    subject: paths.join(', '),
    problem: `could not be deleted (${lastLine(result)})`,
    remedy: 'delete it by hand',
  })
}
