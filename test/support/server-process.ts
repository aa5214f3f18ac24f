import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { eventually, type Machine, type Outcome, outcomeOf, programPath } from './machine.ts'

/** The program, serving on a machine. */
export interface ServerProcess {
  readonly pid: number
  readonly socket: string
  /** What it wrote to standard output and standard error so far. */
  output(): string
  /** True once it has ended, however that came. */
  ended(): boolean
  /** SIGTERM; resolves with its exit status when it has ended. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>
}

/** How a server is started. */
export interface ServerOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Resolve at once instead of when the socket answers. */
  readonly unready?: boolean
  /** Where it listens, below the home; another than the usual place is for the configuration to say. */
  readonly socket?: string
  /** A program that runs it, with its arguments, as `setpriv` does. */
  readonly through?: readonly string[]
}

/** Starts the built program on a machine. Rejects with all that it said when it ends before it serves. */
export async function startServer(
  machine: Machine,
  options: ServerOptions = {},
): Promise<ServerProcess> {
  const [command = '', ...args] = [
    ...(options.through ?? []),
    process.execPath,
    programPath,
    'start',
  ]
  const child = machine.spawn(command, args, {
    env: { ...programEnvironment(machine.home), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const server = describe(
    child,
    join(machine.home, options.socket ?? 'run/docker/plugins/rexray.sock'),
  )
  if (options.unready !== true) await untilReady(server)
  return server
}

/** Resolves when the server takes connections; rejects with all that it said when it ends first. */
export async function untilReady(server: ServerProcess): Promise<void> {
  await eventually(
    'the server to answer',
    async () => {
      if (server.ended()) throw new Error(`the server ended:\n${server.output()}`)
      return await answers(server.socket)
    },
    15_000,
  )
}

/** Runs the command line beside (or without) a server, on the machine. */
export function runProgram(machine: Machine, ...args: readonly string[]): Promise<Outcome> {
  return machine.run(process.execPath, [programPath, ...args], programEnvironment(machine.home))
}

/** Runs the command line with nothing but an environment, outside of any machine. */
export function runBare(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Outcome> {
  return outcomeOf(spawn(process.execPath, [programPath, ...args], { env }))
}

/** This process's environment without any key of the program's own, and with its home. */
export function programEnvironment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(REXRAY|LIBSTORAGE|EBS|LOOP|VFS|VIRTUALBOX|LINUX|NODE|AWS_SDK_JS)_/.test(name),
  )
  return { ...Object.fromEntries(own), REXRAY_HOME: home }
}

function describe(child: ChildProcess, socket: string): ServerProcess {
  const said: string[] = []
  child.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const ended = () => child.exitCode !== null || child.signalCode !== null
  if (child.pid === undefined) throw new Error('the server cannot be started')
  return {
    pid: child.pid,
    socket,
    output: () => said.join(''),
    ended,
    async stop() {
      child.kill('SIGTERM')
      await eventually('the server to end after SIGTERM', ended)
      return child.exitCode
    },
    async kill() {
      child.kill('SIGKILL')
      await eventually('the server to end after SIGKILL', ended)
    },
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}
