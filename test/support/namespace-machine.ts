import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { expectNothingLeft } from './leftovers.ts'
import { eventually, loopDevices, Machine, type Outcome, outcomeOf } from './machine.ts'
import { callPlugin, expectSuccess, type PluginReply } from './plugin-calls.ts'
import { runProgram, type ServerProcess, startServer } from './server-process.ts'

const writerPath = new URL('acknowledging-writer.mjs', import.meta.url).pathname

/** How a machine of several treats the volumes of the others, and what it makes. */
export interface MachineSettings {
  readonly preempt?: boolean | 'dead' | 'fence'
  /** As configurations write it: `1s`. */
  readonly attachWait?: string
  readonly preemptGrace?: string
  readonly fsType?: string
}

/** A line of events.jsonl, as far as tests look at it. */
interface RecordedEvent {
  readonly time: string
  readonly kind: string
  readonly instance?: string
  readonly durationMs?: number
  readonly cause?: string
}

/** Several machines on this one, which share a pool: each has a mount and a network namespace, a /run and a home of its own. */
export class NamespaceMachines {
  /** The pool of all of them. */
  readonly pool = mkdtempSync(join(tmpdir(), 'remora-pool-'))
  readonly #machines: NamespaceMachine[] = []

  /** A further machine; `end` must be called however the test ends. */
  async add(name: string, settings: MachineSettings = {}): Promise<NamespaceMachine> {
    const machine = await Machine.start({ isOneOfSeveral: true })
    machine.write('etc/config.yml', configuration(name, this.pool, settings))
    const added = new NamespaceMachine(name, machine, this.pool)
    this.#machines.push(added)
    return added
  }

  /** The loop devices over the pool's files, those too that were pulled. */
  loops(): string[] {
    return loopDevices()
      .filter(({ file }) => file.startsWith(`${this.pool}/`))
      .map(({ device }) => device)
  }

  /** Waits until no machine has anything left but volumes in the pool; throws what there is. */
  async expectNothingLeft(): Promise<void> {
    for (const { machine } of this.#machines) await expectNothingLeft(machine)
    await eventually('all loop devices to be gone', () => this.loops().length === 0)
    const left = readdirSync(this.pool, { recursive: true, encoding: 'utf8' })
    const odd = left.filter((path) => !/^[^/]+(\/(disk|volume\.json))?$/.test(path))
    if (odd.length > 0) throw new Error(`left in the pool: ${odd.join(', ')}`)
  }

  /** Ends all of them, and all that they share. */
  async end(): Promise<void> {
    for (const { machine } of this.#machines.splice(0)) await machine.end()
    for (const device of this.loops()) await outcomeOf(spawn('losetup', ['-d', device]))
    await eventually('loop devices to be released', () => this.loops().length === 0)
    rmSync(this.pool, { recursive: true, force: true })
  }

  /** What all that a test may need to know said and recorded. */
  history(): string {
    return this.#machines
      .map((one) => `${one.name}:\n${one.output()}\n${JSON.stringify(one.events(), undefined, 1)}`)
      .join('\n')
  }
}

/** One machine of several. */
export class NamespaceMachine {
  /** What the others call it. */
  readonly name: string
  readonly machine: Machine
  readonly #pool: string
  readonly #servers: ServerProcess[] = []

  constructor(name: string, machine: Machine, pool: string) {
    this.name = name
    this.machine = machine
    this.#pool = pool
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
    const folder = join(this.machine.home, 'var/lib/ledger/loop')
    if (!existsSync(folder)) return undefined
    const file = readdirSync(folder).find((name) => name.endsWith('.json'))
    return file === undefined ? undefined : JSON.parse(readFileSync(join(folder, file), 'utf8'))
  }

  events(kind?: string): RecordedEvent[] {
    const path = join(this.machine.home, 'var/log/events.jsonl')
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
    const all = lines.map((line): RecordedEvent => JSON.parse(line))
    return kind === undefined ? all : all.filter((event) => event.kind === kind)
  }

  /** The loop device that is mounted for `data`. */
  device(): string {
    const claim = readFileSync(join(this.#pool, 'data/attachment.json'), 'utf8')
    return JSON.parse(claim).device.path
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

function configuration(name: string, pool: string, settings: MachineSettings): string {
  const { preempt = false, attachWait = '1s', preemptGrace = '1s', fsType = 'ext4' } = settings
  return `
libstorage:
  service: loop
  integration:
    volume:
      operations:
        create: { default: { fsType: ${fsType} } }
        mount: { preempt: ${preempt}, attachWait: ${attachWait}, preemptGrace: ${preemptGrace} }
        unmount: { detachDelay: 0s }
loop: { pool: ${pool}, instance: ${name} }
`
}
