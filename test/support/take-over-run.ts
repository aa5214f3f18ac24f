import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CrashPoint, installMkfs, MKFS_ENDED } from './crash-run.ts'
import { eventually } from './machine.ts'
import { type NamespaceMachine, NamespaceMachines } from './namespace-machine.ts'
import type { Writer } from './served-machine.ts'

/** Whose server dies. */
export type Dying = 'holder' | 'winner'

/** Where it dies: at which of its points, with all that it started or alone, or with mkfs at its n-th write. */
export type TakeOverCrash =
  | { readonly number: number; readonly mode: 'tree' | 'alone' }
  | { readonly mkfsWrite: number }

/** What a run saw. */
export interface TakeOverReport {
  readonly points: readonly CrashPoint[]
  readonly crashed: boolean
  /** What the winner was told of a file system that was half made, if it was. */
  readonly refused: string | undefined
}

const preload = new URL('crash-points.mjs', import.meta.url).href
/** What a Mount says of a file system that another machine has begun to make. */
const HALF = /it is never formatted over|repair it with xfs_repair/

/**
 * Lives a volume's life on two machines: one makes, formats and mounts it, a program writes there, the other one takes it by
 * force. One server dies once, and is started again; what it was asked is asked again of the winner, and of a holder only
 * when the winner has the volume. Rejects unless every acknowledged line is at the winner, stays there, and nothing is left.
 */
export async function takeOverRun(
  fsType: string,
  who: Dying,
  crash?: TakeOverCrash,
): Promise<TakeOverReport> {
  const machines = new NamespaceMachines()
  try {
    const waits = { fsType, attachWait: '300ms', preemptGrace: '300ms' }
    const holder = await machines.add('holder', waits)
    const winner = await machines.add('winner', { ...waits, preempt: true })
    if (crash !== undefined && 'mkfsWrite' in crash)
      installMkfs(holder.machine, fsType, { kind: 'mkfs-killed', write: crash.mkfsWrite })
    const run = new Run(machines, { holder, winner }, who === 'holder' ? holder : winner, crash)
    return await run.live()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${why}\n${machines.history()}`, { cause })
  } finally {
    await machines.end()
  }
}

class Run {
  readonly #machines: NamespaceMachines
  readonly #holder: NamespaceMachine
  readonly #winner: NamespaceMachine
  readonly #dying: NamespaceMachine
  readonly #crash: TakeOverCrash | undefined
  #crashed = false

  constructor(
    machines: NamespaceMachines,
    { holder, winner }: { readonly holder: NamespaceMachine; readonly winner: NamespaceMachine },
    dying: NamespaceMachine,
    crash: TakeOverCrash | undefined,
  ) {
    this.#machines = machines
    this.#holder = holder
    this.#winner = winner
    this.#dying = dying
    this.#crash = crash
  }

  async live(): Promise<TakeOverReport> {
    await this.#start(this.#holder)
    await this.#start(this.#winner)
    const writer = await this.#hold()
    await this.#ask(this.#winner, 'Create', { Opts: { size: '1' } })
    const reply = await this.#winner.call('Mount', { ID: 'b' }).catch(() => undefined)
    const said = String(reply?.body['Err'])
    const refused = writer === undefined && HALF.test(said) ? said : undefined
    if (refused === undefined) {
      if (reply?.status !== 200) await this.#ask(this.#winner, 'Mount', { ID: 'b' })
      await this.#use(writer)
    }
    await this.#return(writer)
    await this.#ask(this.#winner, 'Unmount', { ID: 'b' })
    if (refused !== undefined) await this.#ask(this.#winner, 'Remove')
    await writer?.kill()
    await this.#machines.expectNothingLeft()
    return { points: pointsOf(this.#dying), crashed: this.#crashed, refused }
  }

  /** The holder makes and mounts the volume, as far as its server lives. */
  async #hold(): Promise<Writer | undefined> {
    const calls = { Create: { Opts: { size: '1' } }, Mount: { ID: 'a' } }
    for (const [call, body] of Object.entries(calls)) {
      const reply = await this.#holder.call(call, body).catch(() => undefined)
      if (reply === undefined && this.#dying === this.#holder) return undefined
      if (reply?.status !== 200) throw new Error(`the holder's ${call}: ${reply?.body['Err']}`)
    }
    const folder = join(this.#holder.machine.home, 'var/lib/volumes/data/data')
    return await this.#holder.write(join(folder, 'lines'))
  }

  /** The winner has the volume with all that was acknowledged. */
  async #use(writer: Writer | undefined): Promise<void> {
    const folder = join(this.#winner.machine.home, 'var/lib/volumes/data/data')
    await this.#winner.tool('sh', '-c', `echo kept > ${folder}/file && sync ${folder}/file`)
    if (writer === undefined) return
    const path = this.#winner.machine.path(join(folder, 'lines'))
    const lines = new Set(readFileSync(path, 'utf8').split('\n'))
    const missing = writer.acknowledged().filter((line) => !lines.has(line))
    if (missing.length > 0) throw new Error(`the winner has not got ${missing}`)
  }

  /** The holder's server goes on, or starts again, and does no harm. */
  async #return(writer: Writer | undefined): Promise<void> {
    const acknowledged = writer?.acknowledged().length
    if (writer !== undefined)
      await eventually(
        'the holder to notice',
        async () => {
          await this.#reviveIfDead(this.#holder)
          return this.#holder.record()?.mount === undefined
        },
        15_000,
      )
    await this.#reviveIfDead(this.#holder)
    await this.#ask(this.#holder, 'Unmount', { ID: 'a' })
    await sleep(500)
    if (writer?.acknowledged().length !== acknowledged)
      throw new Error('the holder was told that lines are durable which it wrote too late')
    const kept = join(this.#winner.machine.home, 'var/lib/volumes/data/data/file')
    if (this.#winner.record()?.mount !== undefined) await this.#winner.tool('cat', kept)
  }

  /** A call that has to succeed, whoever dies over it. */
  async #ask(
    machine: NamespaceMachine,
    call: string,
    body: object = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const deadline = performance.now() + 40_000
    for (;;) {
      const reply = await machine.call(call, body).catch(() => undefined)
      if (reply?.status === 200) return reply.body
      const isEarly = reply === undefined || /still|try again/.test(String(reply.body['Err']))
      if (!isEarly || performance.now() > deadline)
        throw new Error(`${call} on ${machine.name} answered ${reply?.body['Err']}`)
      await this.#reviveIfDead(machine)
      await sleep(100)
    }
  }

  async #reviveIfDead(machine: NamespaceMachine): Promise<void> {
    if (!machine.server.ended()) return
    if (this.#crashed || machine !== this.#dying) throw new Error(`${machine.name} died by itself`)
    this.#crashed = true
    await machine.serve()
  }

  async #start(machine: NamespaceMachine): Promise<void> {
    if (machine !== this.#dying) return void (await machine.serve())
    const at = this.#crash
    await machine
      .serve({
        NODE_OPTIONS: `--import=${preload}`,
        CRASH_LOG: join(machine.machine.home, 'points'),
        ...(at && crashEnvironment(machine, at)),
      })
      .catch(async (error: unknown) => {
        if (at === undefined) throw error
        this.#crashed = true
        await machine.serve()
      })
  }
}

function crashEnvironment(
  { machine }: NamespaceMachine,
  crash: TakeOverCrash,
): Record<string, string> {
  if ('number' in crash) return { CRASH_AT: String(crash.number), CRASH_MODE: crash.mode }
  const PATH = `${join(machine.home, 'tools')}:${process.env['PATH']}`
  return { PATH, CRASH_WHEN: MKFS_ENDED, CRASH_MODE: 'tree' }
}

function pointsOf({ machine }: NamespaceMachine): CrashPoint[] {
  const lines = readFileSync(join(machine.home, 'points'), 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const [number, children, ...what] = line.replaceAll(machine.home, '~').split(' ')
    return { number: Number(number), children: Number(children), what: what.join(' ') }
  })
}
