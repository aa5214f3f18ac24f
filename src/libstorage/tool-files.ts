import { existsSync, readFileSync, rmSync, unlink } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from './errors.ts'
import { leftoverName, sweepLeftovers } from './leftover.ts'
import { type Logger, silentLogger } from './logger.ts'
import { makeFolderNow } from './make-folder.ts'
import type { RunResult } from './run.ts'

/** Where the output of one tool lies. */
export interface ToolPaths {
  readonly stdout: string
  readonly stderr: string
  /** Is there if the shell could not become the tool. */
  readonly missing: string
}

/** What a tool wrote. */
export type ToolOutput = Pick<RunResult, 'stdout' | 'stderr'>

/**
 * A private folder for the output of tools, of one process. Each file begins with an empty line that is written before the
 * tool begins: it shows that the file could be made, and holds the space of a short output, on a file system that gets full.
 */
export class ToolFiles {
  readonly folder: string

  /** Makes the folder within `scratch`, and removes those of processes that are no more. */
  constructor(scratch: string, logger: Pick<Logger, 'info'> = silentLogger) {
    this.folder = join(scratch, leftoverName('tools'))
    makeFolderNow(scratch, 0o700)
    sweepLeftovers(scratch, logger)
    this.#make()
  }

  /** Where the output of the tool of this number go. */
  paths(id: number): ToolPaths {
    // Whoever empties the directory meanwhile makes no tool fail.
    if (!existsSync(this.folder)) this.#make()
    const base = join(this.folder, String(id))
    return { stdout: `${base}.out`, stderr: `${base}.err`, missing: `${base}.missing` }
  }

  /** Takes the output of a tool that has ended, of which nothing stays; undefined where it could not be kept. */
  take({ stdout, stderr }: ToolPaths): ToolOutput | undefined {
    const output = { stdout: readBehindLine(stdout), stderr: readBehindLine(stderr) }
    for (const file of [stdout, stderr]) unlink(file, () => {})
    if (output.stdout !== undefined && output.stderr !== undefined)
      return { stdout: output.stdout, stderr: output.stderr }
    this.#make()
    return undefined
  }

  /** Whether a shell that has ended could not become the tool. */
  takeMissing({ missing }: ToolPaths): boolean {
    const isMissing = existsSync(missing)
    if (isMissing) unlink(missing, () => {})
    return isMissing
  }

  /** Removes the folder with all that is left in it. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #make(): void {
    makeFolderNow(this.folder, 0o700)
  }
}

function readBehindLine(file: string): string | undefined {
  try {
    const content = readFileSync(file)
    return content[0] === 0x0a ? content.toString('utf8', 1) : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
