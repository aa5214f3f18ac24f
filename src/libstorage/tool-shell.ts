import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { UnavailableError } from './errors.ts'
import { KeyedMutex } from './keyed-mutex.ts'
import { notInstalled, type RunResult, type StartedTool } from './run.ts'
import { startProcess } from './start-process.ts'
import type { ToolFiles, ToolPaths } from './tool-files.ts'
import { gatedLine, toolLine } from './tool-line.ts'
import { after } from './wait.ts'

/** Reports that were under way when the shell ended are read within this time. */
const LAST_REPORTS_MS = 1_000

/** What a shell answers when there is no such program, or none that may be executed. */
const COULD_NOT_EXECUTE = [127, 126]

/** Who wants to know how far a tool has come. */
interface Steps {
  /** It has a process, which is a shell until it becomes the tool. */
  began(pid: number): void
  /** It is through the gate. */
  passed(): void
}

interface Tool {
  readonly command: string
  readonly resolve: (exitCode: number) => void
  readonly reject: (error: Error) => void
  readonly steps: Steps | undefined
  pid: number | undefined
  isUnwanted: boolean
}

/**
 * A small process that forks tools in our place: a shell that takes one command after the other from us. For each tool it
 * forks a shell that forks the tool, and reports `began <id> <pid>` and `ended <id> <status>`. When we end, it ends as
 * well; tools under way go on to their own end.
 *
 * A tool behind the gate waits for its id on a line of file 3, which all have from us, and reports `passed <id>`. When we
 * end, that file ends, and what waits there never begins.
 */
export class ToolShell {
  readonly #files: ToolFiles
  readonly #child: ChildProcess
  readonly #tools = new Map<number, Tool>()
  readonly #atGate = new KeyedMutex()
  #unread = ''
  /** Commands that forget children which have ended; they go with the next tool, or when none is under way. */
  #unsaid = ''
  #isAlive = true

  constructor(files: ToolFiles) {
    this.#files = files
    // A session of its own: what a terminal sends to the server's process group is not meant for tools under way.
    this.#child = startProcess('sh', ['-s', 'remora-tools'], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    })
    this.#gate.on('error', () => {})
    this.#child.once('error', (error) => this.#onEnd(error))
    this.#child.once('exit', () => this.#onEnd())
    this.#child.stdin?.on('error', () => {})
    this.#child.stdout?.setEncoding('latin1')
    this.#child.stdout?.on('data', (text: string) => this.#onReports(text))
    this.#child.stdout?.once('close', () => this.#rejectAll(() => true))
  }

  get #gate(): Writable {
    return this.#child.stdio[3] as Writable
  }

  /** False once it has ended; it starts no tools any more then. */
  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Its process, where that could be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Starts a tool; `id` is unique among all that have the same files. */
  start(id: number, command: string, args: readonly string[]): StartedTool {
    return this.#start(id, command, toolLine(id, [command, ...args], this.#files.paths(id)))
  }

  /**
   * Starts a tool that begins only when `opening`, which is told its process, has resolved; never when that rejects, and
   * never after our end. Resolves when it has begun.
   */
  startBehindGate(
    id: number,
    command: string,
    args: readonly string[],
    opening: (pid: number) => Promise<void>,
  ): Promise<StartedTool> {
    // One at a time reads from the gate: until it has, nobody else may take its line.
    return this.#atGate.run('', async () => {
      const steps: Steps = { began() {}, passed() {} }
      const began = new Promise<number>((resolve) => Object.assign(steps, { began: resolve }))
      const passed = new Promise<void>((resolve) => Object.assign(steps, { passed: resolve }))
      const line = gatedLine(id, [command, ...args], this.#files.paths(id))
      const { ended, kill } = this.#start(id, command, line, steps)
      const early = ended.then(() => Promise.reject(neverBegan(command)))
      try {
        await opening(await Promise.race([began, early]))
      } catch (error) {
        kill()
        await ended.catch(() => {})
        throw error
      }
      this.#gate.write(`${id}\n`)
      await Promise.race([passed, ended.catch(() => {})])
      return { ended, kill }
    })
  }

  #start(id: number, command: string, line: string, steps?: Steps): StartedTool {
    const paths = this.#files.paths(id)
    const status = new Promise<number>((resolve, reject) => {
      this.#tools.set(id, { command, resolve, reject, steps, pid: undefined, isUnwanted: false })
    })
    const ended = status.then((exitCode) => this.#result(command, paths, exitCode))
    this.#say(line)
    return { ended, kill: () => this.#kill(id) }
  }

  /** Ends the shell, not the tools under way, of which nothing is heard any more. Resolves when it has ended. */
  async close(): Promise<void> {
    if (this.#isAlive) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve))
      this.#child.kill('SIGKILL')
      await exited
    }
    this.#child.stdout?.destroy()
    this.#gate.destroy()
  }

  #kill(id: number): void {
    const tool = this.#tools.get(id)
    if (tool === undefined) return
    tool.isUnwanted = true
    // A shell that was itself killed does not report; a pid that came back since is of another session.
    if (tool.pid !== undefined && sessionOf(tool.pid) === this.pid) killNow(tool.pid)
  }

  #onReports(text: string): void {
    const lines = (this.#unread + text).split('\n')
    this.#unread = lines.pop() ?? ''
    for (const line of lines) this.#onReport(line)
  }

  #onReport(line: string): void {
    const [event, idText, valueText] = line.split(' ')
    const id = Number(idText)
    const tool = this.#tools.get(id)
    if (tool === undefined) return
    if (event === 'began') {
      tool.pid = Number(valueText)
      tool.steps?.began(tool.pid)
      if (tool.isUnwanted) this.#kill(id)
      return
    }
    if (event === 'passed') {
      tool.steps?.passed()
      return
    }
    this.#tools.delete(id)
    this.#unsaid += `wait $p${id};unset p${id}\n`
    if (this.#tools.size === 0) this.#say('')
    tool.resolve(Number(valueText))
  }

  #say(commands: string): void {
    if (this.#isAlive) this.#child.stdin?.write(this.#unsaid + commands)
    this.#unsaid = ''
  }

  #result(command: string, paths: ToolPaths, exitCode: number): RunResult {
    const output = this.#files.take(paths)
    const hasBegun = !COULD_NOT_EXECUTE.includes(exitCode) || !this.#files.takeMissing(paths)
    if (output === undefined) {
      throw new UnavailableError({
        subject: command,
        problem: `could not be run with its output in ${this.#files.folder}`,
        remedy: 'see whether that file system is full, or the limit of processes is reached',
      })
    }
    if (!hasBegun) throw notInstalled(command)
    return { exitCode, ...output }
  }

  #onEnd(cause?: Error): void {
    this.#isAlive = false
    after(LAST_REPORTS_MS, () => this.#rejectAll((tool) => tool.pid === undefined, cause))
  }

  #rejectAll(isMeant: (tool: Tool) => boolean, cause?: Error): void {
    for (const [id, tool] of this.#tools) {
      if (!isMeant(tool)) continue
      this.#tools.delete(id)
      tool.reject(
        new UnavailableError({
          subject: tool.command,
          problem: 'lost the shell that starts tools, whether it has run is not known',
          remedy: 'try again',
          cause,
        }),
      )
    }
  }
}

function neverBegan(command: string): UnavailableError {
  return new UnavailableError({
    subject: command,
    problem: 'was killed before it began',
    remedy: 'try again',
  })
}

function sessionOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
  } catch {
    return undefined
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
