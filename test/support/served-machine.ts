import type { ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { eventually, type Machine, type Outcome } from './machine.ts'
import { callPlugin, expectSuccess, type PluginReply } from './plugin-calls.ts'
import { runProgram, type ServerProcess, startServer } from './server-process.ts'

const writerPath = new URL('acknowledging-writer.mjs', import.meta.url).pathname

/** A line of events.jsonl, as far as tests look at it. */
interface RecordedEvent {
  readonly time: string
  readonly kind: string
  readonly instance?: string
  readonly durationMs?: number
  readonly cause?: string
}

/** One machine of several, with servers of the one service, and what is asked of it about the volume `data`. */
export class ServedMachine {
  /** What the others call it. */
  readonly name: string
  readonly machine: Machine
  readonly #service: string
  readonly #servers: ServerProcess[] = []

  constructor(name: string, machine: Machine, service: string) {
    this.name = name
    this.machine = machine
    this.#service = service
  }

  /** Starts its server, or the next one. */
  async serve(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const server = await startServer(this.machine, { env })
    this.#servers.push(server)
    return server
  }

  /** The server that was started last. */
  get server(): ServerProcess {
    const server = this.#servers.at(-1)
    if (server === undefined) throw new Error(`no server was started on ${this.name}`)
    return server
  }

  /** Where its server writes events and log. */
  protected get logFolder(): string {
    return join(this.machine.home, 'var/log')
  }

  output(): string {
    return this.#servers.map((server) => server.output()).join('\n')
  }

  /** One call of the plugin about the volume `data`, whatever comes of it. */
  call(call: string, body: object = {}): Promise<PluginReply> {
    return callPlugin(this.server, call, { Name: 'data', ...body })
  }

  async create(): Promise<void> {
    await expectSuccess(this.server, 'Create', { Name: 'data', Opts: { size: '1' } })
  }

  /** Mounts `data`; resolves with the folder that containers get. */
  async mount(ID: string): Promise<string> {
    const { Mountpoint } = await expectSuccess(this.server, 'Mount', { Name: 'data', ID })
    return String(Mountpoint)
  }

  async unmount(ID: string): Promise<void> {
    await expectSuccess(this.server, 'Unmount', { Name: 'data', ID })
  }

  /** The command line on this machine. */
  command(...args: readonly string[]): Promise<Outcome> {
    return runProgram(this.machine, ...args)
  }

  /** A tool on this machine that has to succeed; resolves with what it said. */
  async tool(command: string, ...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.machine.run(command, args)
    if (status !== 0)
      throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
    return stdout
  }

  /** What this machine's ledger says of `data`; undefined while it says nothing. */
  record(): LedgerRecord | undefined {
    const folder = join(this.machine.home, 'var/lib/ledger', this.#service)
    if (!existsSync(folder)) return undefined
    const file = readdirSync(folder).find((name) => name.endsWith('.json'))
    return file === undefined ? undefined : JSON.parse(readFileSync(join(folder, file), 'utf8'))
  }

  events(kind?: string): RecordedEvent[] {
    const path = join(this.logFolder, 'events.jsonl')
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    const all = lines.map((line): RecordedEvent => JSON.parse(line))
    return kind === undefined ? all : all.filter((event) => event.kind === kind)
  }

  /** Starts a program that writes to this file; resolves when it has written something. */
  async write(path: string): Promise<Writer> {
    const child = this.machine.spawn(process.execPath, [writerPath, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const writer = new Writer(child)
    await eventually('the writer to begin', () => writer.acknowledged().length > 20)
    return writer
  }
}

/** A program that writes numbered lines with fsync. */
export class Writer {
  readonly #child: ChildProcess
  #said = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString()
    })
  }

  /** The lines that were durable, as it was told. */
  acknowledged(): string[] {
    return this.#lines().filter((line) => /^\d+$/.test(line))
  }

  /** How many of its writes were refused. */
  refused(): number {
    return this.#lines().length - this.acknowledged().length
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await eventually('the writer to end', () => this.#child.exitCode ?? this.#child.signalCode)
  }

  #lines(): string[] {
    return this.#said.split('\n').slice(0, -1)
  }
}
