import { TimeoutError, volumeNamed } from '../libstorage/errors.ts'
import { untilAborted } from '../libstorage/wait.ts'
import type { MountContext } from './mount-context.ts'
import { type Progress, stillUnderWay } from './volume-session.ts'

/**
 * Waits for the work as long as the caller does; the work itself goes on. A caller whose time is up learns what is being
 * done to the volume, and for how long already.
 */
export async function answerInTime<T>(
  context: MountContext,
  name: string,
  signal: AbortSignal | undefined,
  work: Promise<T>,
): Promise<T> {
  work.catch(() => {})
  try {
    return await untilAborted(work, signal)
  } catch (error) {
    if (!(error instanceof TimeoutError) || signal?.aborted !== true) throw error
    const progress = context.sessions.progressOf(name) ?? toolAtWork(context, name)
    const why = context.service.driver.hindrance?.()
    if (progress === undefined) throw why === undefined ? error : notInTime(name, why, error)
    const what = why === undefined ? progress.what : `${progress.what}, ${why}`
    throw stillUnderWay({ ...progress, what, name })
  }
}

/** What another process, be it dead by now, has begun on the volume's device. */
function toolAtWork({ ledger, machine }: MountContext, name: string): Progress | undefined {
  const tool = ledger.exactly(name)?.tool
  if (tool === undefined || machine.isProvablyDead(tool.process)) return undefined
  return { name, what: tool.command, since: Date.parse(tool.since) }
}

function notInTime(name: string, why: string, cause: unknown): TimeoutError {
  return new TimeoutError({
    subject: volumeNamed(name),
    problem: `took longer than its caller waits (${why})`,
    remedy: 'try again',
    cause,
  })
}
