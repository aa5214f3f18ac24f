import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { FailedPreconditionError } from '../../libstorage/errors.ts'
import { leftoverName } from '../../libstorage/leftover.ts'
import { identifyProcess } from '../../libstorage/process-identity.ts'
import type { RunResult } from '../../libstorage/run.ts'
import type { ToolStarting } from '../mounter.ts'

/** Waits for a line before it becomes the tool; where the line never comes, because we died, the tool never begins. */
const GATE = 'read -r go && exec "$0" "$@"'
/** What a shell answers when there is no such program. */
const NOT_FOUND = 127

/**
 * Runs a tool that changes a device. It has a session of its own and writes to a file, so that it survives our end; it
 * begins only when it has been named to `starting`. Resolves when it ends, however long that takes.
 */
export async function runDeviceTool(
  command: string,
  args: readonly string[],
  scratchDirectory: string,
  starting: ToolStarting,
): Promise<RunResult> {
  const folder = path.join(scratchDirectory, leftoverName('tool'))
  mkdirSync(folder, { mode: 0o700 })
  const outputFile = path.join(folder, 'output')
  const output = openSync(outputFile, 'wx', 0o600)
  try {
    const child = spawn('sh', ['-c', GATE, command, ...args], {
      detached: true,
      stdio: ['pipe', output, output],
    })
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
    })
    ended.catch(() => {})
    child.stdin?.on('error', () => {})
    await nameTool(command, child.pid, starting).catch((error: unknown) => {
      child.stdin?.destroy()
      throw error
    })
    child.stdin?.end('go\n')
    const exitCode = await ended
    if (exitCode === NOT_FOUND) throw notInstalled(command)
    return { exitCode, stdout: readFileSync(outputFile, 'utf8'), stderr: '' }
  } finally {
    closeSync(output)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function nameTool(
  command: string,
  pid: number | undefined,
  starting: ToolStarting,
): Promise<void> {
  const identity = pid === undefined ? undefined : identifyProcess(pid)
  if (identity === undefined)
    throw new FailedPreconditionError({ subject: command, problem: 'could not be started' })
  await starting({ command, process: identity, since: new Date().toISOString() })
}

const PACKAGES: Readonly<Record<string, string>> = {
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
}

/** The refusal that names the package to install. */
export function notInstalled(command: string): FailedPreconditionError {
  const install = PACKAGES[command]
  return new FailedPreconditionError({
    subject: command,
    problem: 'is not installed on this machine',
    remedy: install === undefined ? 'install it' : `install the package ${install}`,
  })
}
