import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { FailedPreconditionError, systemCode, TimeoutError } from './errors.ts'
import { startProcess } from './start-process.ts'
import { abortReason, after, throwIfAborted } from './wait.ts'

/** How a tool ended. A tool that exits with an error is an answer, not an exception. */
export interface RunResult {
  /** The exit status; 128 + n after signal n, as a shell counts. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** How a tool is run. */
export interface RunOptions {
  /** After this long the tool is killed and the call rejects with `TimeoutError`, even if the kernel does not let the tool die. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Written to its standard input. */
  readonly input?: string
}

/** Runs one tool of the operating system to its end. */
export type Run = (
  command: string,
  args: readonly string[],
  options: RunOptions,
) => Promise<RunResult>

/**
 * Runs a tool that begins only when `opening`, which is told its process, has resolved; never when that rejects or this
 * process ends before. It takes as long as it takes, and survives the end of this process. What it says is all in `stdout`.
 */
export type RunBehindGate = (
  command: string,
  args: readonly string[],
  opening: (pid: number) => Promise<void>,
) => Promise<RunResult>

/**
 * Runs a tool found by PATH. Rejects with `FailedPreconditionError` when it is not installed, `UnavailableError`
 * where no process can be started, `TimeoutError` when it takes too long, and the signal's reason when the caller goes away; a hung child is left behind, never waited for.
 */
export const run: Run = async (command, args, options) => {
  throwIfAborted(options.signal)
  const child = startProcess(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const tool = { ended: endOf(child, command), kill: () => abandon(child) }
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  return await inTime(command, tool, options)
}

/** A tool that has been started. */
export interface StartedTool {
  readonly ended: Promise<RunResult>
  /** Ends it as far as the kernel allows. */
  kill(): void
}

/** Waits for a tool as its caller wants it: no longer than `timeoutMs`, and not after the caller has gone; then it is killed. */
export function inTime(
  command: string,
  tool: StartedTool,
  { timeoutMs, signal }: RunOptions,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      finish()
    }
    const giveUp = (reason: Error) =>
      settle(() => {
        tool.kill()
        reject(reason)
      })
    const onAbort = () => giveUp(abortReason(signal))
    const timer = after(timeoutMs, () =>
      giveUp(
        new TimeoutError({ subject: command, problem: `did not end within ${timeoutMs / 1000} s` }),
      ),
    )
    signal?.addEventListener('abort', onAbort, { once: true })
    tool.ended.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

function endOf(child: ChildProcess, command: string): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const output = collect(child)
    child.once('error', (error) => reject(startError(command, error)))
    child.once('close', (code, killedBy) =>
      resolve({ exitCode: exitCodeOf(code, killedBy), ...output() }),
    )
  })
}

function exitCodeOf(code: number | null, killedBy: NodeJS.Signals | null): number {
  return code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  return () => ({
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  })
}

/** A child in uninterruptible sleep outlives SIGKILL; without its pipes it keeps neither us nor the event loop. */
function abandon(child: ChildProcess): void {
  child.kill('SIGKILL')
  child.stdin?.destroy()
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.unref()
}

/** The error of a tool that could not be started. */
function startError(command: string, cause: Error): Error {
  // Without the right to look into a folder of PATH, a missing tool is EACCES.
  if (!['ENOENT', 'EACCES'].includes(systemCode(cause) ?? '')) return cause
  return notInstalled(command, cause)
}

const PACKAGES: Readonly<Record<string, string>> = {
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  resize2fs: 'e2fsprogs',
  xfs_growfs: 'xfsprogs',
  btrfs: 'btrfs-progs',
  btrfstune: 'btrfs-progs',
}

/** The refusal that names a tool which this machine does not have, and the package to install where it is known. */
export function notInstalled(command: string, cause?: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: command,
    problem: 'is not installed on this machine',
    remedy: `install the package ${PACKAGES[command] ?? 'that has it'}`,
    cause,
  })
}

/** The last line a failed tool said, for an error's sentence. */
export function lastLine({ stdout, stderr, exitCode }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '').at(-1) ?? `exit status ${exitCode}`
}
