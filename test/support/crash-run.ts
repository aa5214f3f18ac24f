import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CrashBed, loopBed } from './crash-beds.ts'
import { eventually, type Machine } from './machine.ts'
import { callPlugin } from './plugin-calls.ts'
import { type ServerProcess, startServer, untilReady } from './server-process.ts'

/** A moment at which a crash can be tried; see crash-points.mjs. */
export interface CrashPoint {
  readonly number: number
  /** How many processes that the server had started were alive. */
  readonly children: number
  readonly what: string
}

/** Where the first server of a run dies, if it does. */
export type Crash =
  | { readonly kind: 'none' }
  /** At the point of this number, with all that it started or alone. */
  | { readonly kind: 'point'; readonly number: number; readonly mode: 'tree' | 'alone' }
  /**
   * At the n-th point of this text, with all that it started; other lives may have more or fewer points before it.
   * `abandoned`: the call that died with it is repeated only when the volume is attached no more.
   */
  | {
      readonly kind: 'nth'
      readonly what: string
      readonly nth: number
      readonly abandoned?: boolean
    }
  /** With all that it started, mkfs at its n-th write. */
  | { readonly kind: 'mkfs-killed'; readonly write: number }
  /** Alone, while mkfs stands still at its n-th write; mkfs goes on when the next server is up. */
  | { readonly kind: 'mkfs-outlives'; readonly write: number }

/** What a run saw before its crash. */
export interface CrashReport {
  readonly points: readonly CrashPoint[]
  /** How many times mkfs wrote; only of a run without a crash. */
  readonly mkfsWrites: number
  readonly crashed: boolean
}

/** The point at which mkfs itself has ended, and not what looks whether there is one. */
export const MKFS_ENDED = '^ended (?!.*command -v).*mkfs'

const preload = new URL('crash-points.mjs', import.meta.url).href
const name = 'data'
const content = randomBytes(300_000)

/**
 * Lives the life of one volume (create, mount, write, unmount, mount, read, unmount, remove) on a machine of its own,
 * with a server that dies once, is started again, and gets the interrupted call again. Rejects unless every repeat
 * succeeds, the file is whole, the platform has what the machine knows of, and nothing is left.
 */
export async function crashRun(
  fsType: string,
  crash: Crash,
  openBed: (fsType: string) => Promise<CrashBed> = loopBed,
): Promise<CrashReport> {
  const bed = await openBed(fsType)
  const run = new Run(bed, crash)
  try {
    installMkfs(bed.machine, fsType, crash)
    return await run.live()
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? cause.message : cause}\n${run.history()}`, {
      cause,
    })
  } finally {
    await bed.end()
  }
}

class Run {
  readonly #bed: CrashBed
  readonly #machine: Machine
  readonly #crash: Crash
  readonly #servers: ServerProcess[] = []

  constructor(bed: CrashBed, crash: Crash) {
    this.#bed = bed
    this.#machine = bed.machine
    this.#crash = crash
  }

  async live(): Promise<CrashReport> {
    const outliving = this.#crash.kind === 'mkfs-outlives' ? this.#killWhileMkfsStands() : undefined
    await this.#restart(crashEnvironment(this.#machine, this.#crash))
    await this.#call('Create', { Name: name, Opts: { size: '1' } })
    const file = join(await this.#mount('a'), 'file')
    await writeDurably(this.#machine.path(file), content)
    await this.#call('Unmount', { Name: name, ID: 'a'.repeat(64) })
    const again = join(await this.#mount('b'), 'file')
    const found = await readFile(this.#machine.path(again))
    if (!found.equals(content)) throw new Error(`the file has other content: ${found.length} bytes`)
    await this.#call('Unmount', { Name: name, ID: 'b'.repeat(64) })
    await this.#call('Remove', { Name: name })
    await outliving
    await this.#bed.expectNothingLeft({ pids: [this.#server.pid] })
    await this.#stop()
    await this.#bed.expectNothingLeft({ pids: [], ended: true })
    return this.#report()
  }

  history(): string {
    const points = this.#report().points.map(({ number, what }) => `${number} ${what}`)
    const said = this.#servers.map((server, index) => `server ${index + 1}:\n${server.output()}`)
    return [...points.slice(-12), ...said].join('\n').replaceAll(this.#machine.home, '~')
  }

  get #server(): ServerProcess {
    const server = this.#servers.at(-1)
    if (server === undefined) throw new Error('no server was started')
    return server
  }

  async #mount(letter: string): Promise<string> {
    const { Mountpoint } = await this.#call('Mount', { Name: name, ID: letter.repeat(64) })
    return String(Mountpoint)
  }

  /** One call, sent again to the next server when the first one died over it. */
  async #call(call: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const deadline = performance.now() + 60_000
    for (;;) {
      const reply = await callPlugin(this.#server, call, body).catch((error) => this.#revive(error))
      this.#bed.check()
      if (reply?.status === 200) return reply.body
      const isEarly = reply === undefined || /still being prepared/.test(String(reply.body['Err']))
      if (!isEarly || performance.now() > deadline)
        throw new Error(`${call} answered ${reply?.status}: ${reply?.body['Err']}`)
      await sleep(100)
    }
  }

  async #revive(error: Error): Promise<undefined> {
    await eventually(`the server to have died (${error.message})`, this.#server.ended, 5_000)
    if (this.#servers.length > 1) throw new Error('the second server died too', { cause: error })
    await this.#restart({})
    const list = await callPlugin(this.#server, 'List')
    if (list.status !== 200) throw new Error(`List after the crash answered ${list.status}`)
    await eventually('every attachment to be known', () => this.#bed.knowsAttachments())
    if (this.#crash.kind === 'nth' && this.#crash.abandoned === true)
      await eventually('what nobody asks for to be let go', () => !this.#bed.isAttached())
  }

  async #restart(env: Record<string, string>): Promise<void> {
    ageTemporaryFiles(join(this.#machine.home, 'var/lib/ledger'))
    const server = await startServer(this.#machine, { env, unready: true })
    this.#servers.push(server)
    try {
      await untilReady(server)
    } catch (error) {
      if (this.#servers.length > 1 || !server.ended()) throw error
      await this.#restart({})
    }
  }

  /** A server that dies while it stops is followed by one that stops well. */
  async #stop(): Promise<void> {
    const status = await this.#server.stop()
    if (status === 0) return
    if (this.#servers.length > 1) throw new Error(`SIGTERM ended the server with ${status}`)
    await this.#restart({})
    await this.#stop()
  }

  async #killWhileMkfsStands(): Promise<void> {
    await eventually('mkfs to stand still', () =>
      linesOf(join(this.#machine.home, 'mkfs-trace')).find((line) => line.includes('stopped by')),
    )
    await this.#server.kill()
    await eventually('the next server', () => this.#servers.length > 1)
    await untilReady(this.#server)
    await sleep(300)
    // strace counts the writes of each thread, so that it may stop more than once.
    await eventually('mkfs to end', () => {
      const running = this.#machine.processes().filter(isMkfs)
      for (const pid of running) process.kill(pid, 'SIGCONT')
      return running.length === 0
    })
  }

  #report(): CrashReport {
    const points = linesOf(join(this.#machine.home, 'points')).map((line) => {
      const [number, children, ...what] = line.replaceAll(this.#machine.home, '~').split(' ')
      return { number: Number(number), children: Number(children), what: what.join(' ') }
    })
    const mkfsWrites = linesOf(join(this.#machine.home, 'mkfs-trace')).filter((line) =>
      line.includes('pwrite64('),
    ).length
    return { points, mkfsWrites, crashed: this.#servers.length > 1 }
  }
}

function crashEnvironment(machine: Machine, crash: Crash): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${preload}`,
    CRASH_LOG: join(machine.home, 'points'),
    PATH: `${join(machine.home, 'tools')}:${process.env['PATH']}`,
    ...(crash.kind === 'point' ? { CRASH_AT: String(crash.number), CRASH_MODE: crash.mode } : {}),
    ...(crash.kind === 'nth' && {
      CRASH_WHEN: `^${crash.what}$`,
      CRASH_NTH: String(crash.nth),
      CRASH_MODE: 'tree',
    }),
    ...(crash.kind === 'mkfs-killed' ? { CRASH_WHEN: MKFS_ENDED, CRASH_MODE: 'tree' } : {}),
  }
}

/** Puts a mkfs before the real one whose writes are counted, or that dies or stops at one of them. */
export function installMkfs(machine: Machine, fsType: string, crash: Crash): void {
  if (crash.kind === 'point' || crash.kind === 'nth') return
  const strace = ['strace', '-f', '-e', 'trace=pwrite64', '-o', join(machine.home, 'mkfs-trace')]
  if (crash.kind !== 'none') {
    const signal = crash.kind === 'mkfs-killed' ? 'SIGKILL' : 'SIGSTOP'
    strace.push('-e', `inject=pwrite64:signal=${signal}:when=${crash.write}`)
  }
  const tool = join('tools', `mkfs.${fsType}`)
  machine.write(tool, `#!/bin/sh\nexec ${strace.join(' ')} /usr/sbin/mkfs.${fsType} "$@"\n`)
  chmodSync(join(machine.home, tool), 0o755)
}

/** As if the crash had come a while ago: a young temporary file may be another process at work, and is left alone. */
function ageTemporaryFiles(folder: string): void {
  if (!existsSync(folder)) return
  const then = Date.now() / 1000 - 120
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.tmp')) utimesSync(join(folder, name), then, then)
  }
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

function isMkfs(pid: number): boolean {
  return linesOf(`/proc/${pid}/comm`)[0]?.startsWith('mkfs') === true
}

function linesOf(path: string): string[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').split('\n').filter(Boolean)
}
