import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, loopDevices, type Outcome, outcomeOf, projectDirectory } from './machine.ts'

/** A demonstration as a terminal starts it, in a process group and with a folder for all that it makes. */
export class Demonstration {
  readonly ended: Promise<Outcome>
  readonly #folder = mkdtempSync(join(tmpdir(), 'demo-'))
  readonly #child: ChildProcess
  readonly #said: string[] = []

  constructor(name: string, env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, ['demo/main.mjs', name], {
      cwd: projectDirectory,
      detached: true,
      env: { ...process.env, ...env, TMPDIR: this.#folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => this.#said.push(chunk.toString()))
    this.ended = outcomeOf(child)
  }

  /** What it has said so far. */
  said(): string {
    return this.#said.join('')
  }

  /** What Ctrl-C does, or worse, to the whole group. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-(this.#child.pid ?? 0), signal)
  }

  /** Everything that runs and has something to do with the folder. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
      .filter((pid) =>
        ['cmdline', 'environ', 'mountinfo'].some((file) => this.#isNamedIn(pid, file)),
      )
  }

  /** Waits until nothing is left; resolves with what is after a minute. */
  async left(): Promise<string[]> {
    const left = () => [
      ...this.processes().map((pid) => `process ${pid}`),
      ...loopDevices().flatMap(({ device, file }) =>
        file.startsWith(this.#folder) ? [device] : [],
      ),
      ...readdirSync(this.#folder),
    ]
    await eventually('nothing to be left', () => left().length === 0, 60_000).catch(() => {})
    return left()
  }

  /** Ends it, however far it is. */
  async close(): Promise<void> {
    this.#child.kill('SIGTERM')
    const isOver = () => this.processes().length === 0
    await eventually('the demonstration to end', isOver, 60_000)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #isNamedIn(pid: string, file: string): boolean {
    try {
      return readFileSync(join('/proc', pid, file), 'utf8').includes(this.#folder)
    } catch {
      return false
    }
  }
}
