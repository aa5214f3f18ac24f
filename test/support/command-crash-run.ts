import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectNothingLeft } from './leftovers.ts'
import { Machine, type Outcome, programPath } from './machine.ts'
import { expectSuccess } from './plugin-calls.ts'
import { programEnvironment, type ServerProcess, startServer } from './server-process.ts'

/** The commands that change a volume, each with the answers that its repeat may give when the first one had done it all. */
export const crashCommands = {
  create: { args: ['--size', '1'], alreadyDone: /already exists/ },
  mount: { args: [], alreadyDone: undefined },
  unmount: { args: ['--idempotent'], alreadyDone: undefined },
  rm: { args: [], alreadyDone: /not found/ },
} as const

/** One of the commands. */
export type CrashCommand = keyof typeof crashCommands

/** Where the command dies: at the point of this number, with all that it started or alone; see crash-points.mjs. */
export interface CommandCrash {
  readonly number: number
  readonly mode: 'tree' | 'alone'
}

/** What a command did before it died. */
export interface CommandCrashReport {
  readonly points: readonly { readonly number: number; readonly what: string }[]
  readonly crashed: boolean
}

const preload = new URL('crash-points.mjs', import.meta.url).href
const name = 'data'
const configuration = `
libstorage:
  service: loop
  integration: { volume: { operations: { unmount: { detachDelay: 0s } } } }
`

/**
 * Runs one command of a volume's life beside a living server, on a machine of its own. The command dies where it is told
 * to, and is repeated. Rejects unless the server answers at once, the repeat succeeds, the volume's file is whole as far
 * as there is a volume, and nothing is left.
 */
export async function commandCrashRun(
  command: CrashCommand,
  crash: CommandCrash | undefined,
): Promise<CommandCrashReport> {
  const machine = await Machine.start()
  const run = new CommandRun(machine)
  try {
    machine.write('etc/config.yml', configuration)
    await run.start()
    return await run.live(command, crash)
  } catch (cause) {
    const points = run.points().map(({ number, what }) => `${number} ${what}`)
    const history = [...points.slice(-8), run.said()].join('\n')
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${history}`, { cause })
  } finally {
    await machine.end()
  }
}

class CommandRun {
  readonly #machine: Machine
  #server: ServerProcess | undefined

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async start(): Promise<void> {
    this.#server = await startServer(this.#machine)
  }

  async live(command: CrashCommand, crash: CommandCrash | undefined): Promise<CommandCrashReport> {
    await this.#before(command)
    const first = await this.#command(command, crashEnvironment(this.#machine, crash))
    const crashed = first.status !== 0
    if (crash === undefined && crashed) throw new Error(`${command} failed: ${first.stderr}`)
    await expectSuccess(this.#running, 'List')
    if (crashed) await this.#repeat(command)
    await this.#after(command)
    await expectNothingLeft(this.#machine, { pids: [this.#running.pid] })
    // The lock of a volume that is gone is wanted by nobody; the next start sweeps it.
    await this.#running.stop()
    await this.start()
    const status = await this.#running.stop()
    if (status !== 0) throw new Error(`SIGTERM ended the server with ${status}`)
    await expectNothingLeft(this.#machine, { pids: [], ended: true })
    return { points: this.points(), crashed }
  }

  points(): { number: number; what: string }[] {
    const log = join(this.#machine.home, 'points')
    if (!existsSync(log)) return []
    const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
    return lines.map((line) => {
      const [number, , ...what] = line.replaceAll(this.#machine.home, '~').split(' ')
      return { number: Number(number), what: what.join(' ') }
    })
  }

  said(): string {
    return this.#server?.output().replaceAll(this.#machine.home, '~') ?? ''
  }

  get #running(): ServerProcess {
    if (this.#server === undefined) throw new Error('no server was started')
    return this.#server
  }

  /** What the command needs is made by the server. */
  async #before(command: CrashCommand): Promise<void> {
    if (command === 'create') return
    await expectSuccess(this.#running, 'Create', { Name: name, Opts: { size: '1' } })
    if (command === 'mount') return
    await this.#writeFile()
    if (command === 'unmount') await this.#succeed('mount')
  }

  /** The server can use what the command left, and take it away. */
  async #after(command: CrashCommand): Promise<void> {
    if (command === 'rm') return
    if (command === 'unmount') await this.#expectFile()
    else await this.#writeFile()
    if (command === 'mount') {
      await this.#expectFile()
      await this.#succeed('unmount')
    }
    await expectSuccess(this.#running, 'Remove', { Name: name })
  }

  async #writeFile(): Promise<void> {
    await this.#withMount((path) => writeFile(path, 'whole', { flush: true }))
  }

  async #expectFile(): Promise<void> {
    await this.#withMount(async (path) => {
      const found = await readFile(path, 'utf8')
      if (found !== 'whole') throw new Error(`the file has other content: ${found}`)
    })
  }

  async #withMount(work: (path: string) => Promise<void>): Promise<void> {
    const holder = { Name: name, ID: 'a'.repeat(64) }
    const { Mountpoint } = await expectSuccess(this.#running, 'Mount', holder)
    await work(this.#machine.path(join(String(Mountpoint), 'file')))
    await expectSuccess(this.#running, 'Unmount', holder)
  }

  async #repeat(command: CrashCommand): Promise<void> {
    const { status, stderr } = await this.#command(command)
    const isDone = crashCommands[command].alreadyDone?.test(stderr) ?? false
    if (status !== 0 && !isDone) throw new Error(`the repeat of ${command} failed: ${stderr}`)
  }

  async #succeed(command: CrashCommand): Promise<void> {
    const { status, stderr } = await this.#command(command)
    if (status !== 0) throw new Error(`${command} failed: ${stderr}`)
  }

  #command(command: CrashCommand, env: Record<string, string> = {}): Promise<Outcome> {
    const args = ['volume', command, name, ...crashCommands[command].args]
    return this.#machine.run(process.execPath, [programPath, ...args], {
      ...programEnvironment(this.#machine.home),
      ...env,
    })
  }
}

function crashEnvironment(
  machine: Machine,
  crash: CommandCrash | undefined,
): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${preload}`,
    CRASH_LOG: join(machine.home, 'points'),
    ...(crash === undefined ? {} : { CRASH_AT: String(crash.number), CRASH_MODE: crash.mode }),
  }
}
