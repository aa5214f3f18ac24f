import { UnavailableError } from './errors.ts'
import type { Logger } from './logger.ts'
import {
  inTime,
  type Run,
  type RunBehindGate,
  type RunOptions,
  type RunResult,
  run,
} from './run.ts'
import { ToolFiles } from './tool-files.ts'
import { ToolShell } from './tool-shell.ts'
import { type Turn, Turns } from './turns.ts'
import { throwIfAborted } from './wait.ts'

/** Longer ones come near the limits of what a program can be given, where the direct way has the better error. */
const LONGEST_CALL = 64 * 1024

/** Where and how tools are run. */
export interface ToolRunnerOptions {
  /** A directory of ours, best in memory; tools write their output into a private folder there. */
  readonly scratchDirectory: string
  /** How many tools begin at once; one that takes longer than `turnMs` does not count. */
  readonly atOnce: number
  readonly turnMs: number
  /** Told of what earlier processes left in the directory; where it is absent nobody listens. */
  readonly logger?: Pick<Logger, 'info'>
}

/**
 * Runs tools by a small process of its own, so that the size of ours does not matter: a fork copies the page tables and
 * holds up every other call meanwhile.
 */
export class ToolRunner {
  readonly #options: ToolRunnerOptions
  readonly #turns: Turns
  readonly #underWay = new Set<Promise<unknown>>()
  #files: ToolFiles | undefined
  #shell: ToolShell | undefined
  #lastId = 0
  #isClosed = false

  constructor(options: ToolRunnerOptions) {
    this.#options = options
    this.#turns = new Turns({ count: options.atOnce, turnMs: options.turnMs })
  }

  /** The process that starts tools, while there is one. */
  get pid(): number | undefined {
    return this.#shell?.isAlive ? this.#shell.pid : undefined
  }

  /** Starts the process now instead of with the first tool. */
  start(): void {
    this.#livingShell()
  }

  /**
   * Runs a tool as {@link run} does. Besides, it rejects with `UnavailableError` when it cannot be said what became of the
   * tool; its time begins when it is its turn, and children that it leaves behind are not waited for. A tool that is to
   * read an input is run directly.
   */
  readonly run: Run = async (command, args, options) => {
    throwIfAborted(options.signal)
    if (this.#isClosed || options.input !== undefined || !canBeSaid([command, ...args]))
      return await run(command, args, options)
    const call = this.#inTurn(command, args, options)
    this.#underWay.add(call)
    try {
      return await call
    } finally {
      this.#underWay.delete(call)
    }
  }

  /**
   * Runs a tool behind a gate. Its words have no NUL. Rejects with `UnavailableError` when it cannot be said what became of
   * it, which is also so when this is closed: that does not wait for it.
   */
  readonly runBehindGate: RunBehindGate = async (command, args, opening) => {
    if (this.#isClosed) throw ending(command)
    let turn: Turn | undefined
    try {
      this.#lastId += 1
      const tool = await this.#livingShell().startBehindGate(
        this.#lastId,
        command,
        args,
        async (pid) => {
          await opening(pid)
          turn = await this.#turns.take()
        },
      )
      return await tool.ended
    } finally {
      turn?.end()
    }
  }

  /** Waits for the calls under way and gives everything back. Later calls are run directly. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#underWay)
    await this.#shell?.close()
    this.#files?.remove()
  }

  async #inTurn(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
    const turn = await this.#turns.take(options.signal)
    try {
      throwIfAborted(options.signal)
      this.#lastId += 1
      const tool = this.#livingShell().start(this.#lastId, command, args)
      return await inTime(command, tool, options)
    } finally {
      turn.end()
    }
  }

  #livingShell(): ToolShell {
    this.#files ??= new ToolFiles(this.#options.scratchDirectory, this.#options.logger)
    if (!this.#shell?.isAlive) this.#shell = new ToolShell(this.#files)
    return this.#shell
  }
}

function ending(command: string): UnavailableError {
  return new UnavailableError({
    subject: command,
    problem: 'is not begun any more by a program that ends',
    remedy: 'try again',
  })
}

function canBeSaid(words: readonly string[]): boolean {
  const length = words.reduce((sum, word) => sum + word.length, 0)
  return length <= LONGEST_CALL && !words.some((word) => word.includes('\0'))
}
