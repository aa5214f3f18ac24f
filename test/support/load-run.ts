import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LOST_BODY } from '../../src/plugin-api/error-response.ts'
import { DockerClient, type RawReply } from './docker-client.ts'
import type { Machine } from './machine.ts'
import { expectSuccess } from './plugin-calls.ts'
import { type ServerProcess, startServer } from './server-process.ts'

/** How much is done. */
export interface LoadPlan {
  readonly volumes: number
  readonly clients: number
  readonly seconds: number
  readonly seed: number
}

/** What was done. */
export interface LoadTally {
  /** Containers that mounted, wrote and unmounted. */
  turns: number
  calls: number
  kills: number
  /** Everything that must not happen, each as a line. */
  readonly failures: string[]
}

interface LineReply {
  readonly Mountpoint?: unknown
  readonly Err?: unknown
  readonly Volumes?: readonly { readonly Name: string }[]
}

/** Many clients with Docker's own retries use a few volumes at once, while the server is killed again and again. */
export class LoadRun {
  readonly tally: LoadTally = { turns: 0, calls: 0, kills: 0, failures: [] }
  /** Mount ids of which no client can know whether they still count: a call of theirs was cut off by a kill. */
  readonly uncertain = new Set<string>()
  readonly names: readonly string[]
  server: ServerProcess
  readonly #machine: Machine
  readonly #plan: LoadPlan
  readonly #written = new Map<string, string[]>()
  #isOver = false

  private constructor(machine: Machine, server: ServerProcess, plan: LoadPlan) {
    this.#machine = machine
    this.server = server
    this.#plan = plan
    this.names = Array.from({ length: plan.volumes }, (_, index) => `load-${index}`)
  }

  static async start(machine: Machine, plan: LoadPlan): Promise<LoadRun> {
    const run = new LoadRun(machine, await startServer(machine), plan)
    for (const name of run.names)
      await expectSuccess(run.server, 'Create', { Name: name, Opts: { size: '1' } })
    return run
  }

  /** Resolves when the time is over and every client has ended its turn; the server runs then. */
  async load(): Promise<void> {
    const clients = Array.from({ length: this.#plan.clients }, (_, number) => this.#client(number))
    const random = randomOf(this.#plan.seed)
    const deadline = performance.now() + this.#plan.seconds * 1_000
    while (performance.now() < deadline) {
      await sleep(1_000 + random() * 5_000)
      await this.server.kill()
      this.tally.kills += 1
      await sleep(random() * 300)
      this.server = await startServer(this.#machine)
    }
    this.#isOver = true
    await Promise.all(clients)
  }

  /** Mount ids in the ledger, of all volumes. */
  references(): string[] {
    return this.records().flatMap(({ references }) => references.map(({ id }) => id))
  }

  /** What the ledger has of each volume it knows. */
  records(): { references: { id: string }[]; volume: { name: string } }[] {
    const folder = join(this.#machine.home, 'var/lib/ledger/loop')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => readIfThere(join(folder, file)) ?? [])
      .map((text) => JSON.parse(text))
  }

  /** Lines that were written durably and are not there, or are there twice, or were never written. */
  async wrongLines(name: string): Promise<string[]> {
    const holder = { Name: name, ID: newId() }
    const { Mountpoint } = await expectSuccess(this.server, 'Mount', holder)
    const path = this.#machine.path(join(String(Mountpoint), 'lines'))
    const found = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
    await expectSuccess(this.server, 'Unmount', holder)
    const written = this.#written.get(name) ?? []
    const missing = written.filter((line) => !found.includes(line))
    const foreign = found.filter((line) => !written.includes(line))
    const isOnce = new Set(found).size === found.length
    return [...missing, ...foreign, ...(isOnce ? [] : ['a line is there twice'])]
  }

  async #client(number: number): Promise<void> {
    const random = randomOf(this.#plan.seed + number + 1)
    while (!this.#isOver) {
      const name = this.names[Math.floor(random() * this.names.length)] ?? ''
      try {
        await this.#turn(name, random)
      } catch (error) {
        this.tally.failures.push(`client ${number}, ${name}: ${error}`)
      }
      await sleep(random() * 1_000)
    }
  }

  /** What one container does. */
  async #turn(name: string, random: () => number): Promise<void> {
    await this.#get(name)
    const id = newId()
    const holder = { Name: name, ID: id }
    const mounted = await this.#change('Mount', holder)
    if (mounted === undefined) return await this.#settle(holder, random)
    await this.#append(name, join(String(mounted.Mountpoint), 'lines'), id)
    await sleep(random() * 1_000)
    if (random() < 0.3) await this.#list()
    await this.#get(name)
    if ((await this.#change('Unmount', holder)) === undefined) await this.#settle(holder, random)
    else this.tally.turns += 1
  }

  /** Most clients repeat their Unmount until it is answered; some never do, as Docker, and leave their reference. */
  async #settle(holder: { Name: string; ID: string }, random: () => number): Promise<void> {
    if (random() < 0.02) return
    while ((await this.#change('Unmount', holder)) === undefined) await sleep(100)
    this.uncertain.delete(holder.ID)
  }

  /** A call that counts: undefined where a kill cut it off, so that nobody knows what came of it. */
  async #change(
    call: string,
    fields: { Name: string; ID: string },
  ): Promise<LineReply | undefined> {
    const reply = await this.#call(call, fields)
    if (reply?.status === 200) return reply.json as LineReply
    this.uncertain.add(fields.ID)
    const said = (reply?.json as LineReply | undefined)?.Err
    if (reply !== undefined && said !== LOST_BODY.Err)
      throw new Error(`${call} answered ${reply.status}: ${reply.text}`)
    return undefined
  }

  async #get(name: string): Promise<void> {
    const reply = await this.#call('Get', { Name: name })
    if (reply !== undefined && reply.status !== 200) throw new Error(`Get answered ${reply.text}`)
  }

  async #list(): Promise<void> {
    const reply = await this.#call('List', {})
    if (reply === undefined) return
    const listed = (reply.json as LineReply).Volumes?.map(({ Name }) => Name) ?? []
    const missing = this.names.filter((name) => !listed.includes(name))
    if (missing.length > 0) throw new Error(`List does not show ${missing}: ${reply.text}`)
  }

  async #call(call: string, fields: object): Promise<RawReply | undefined> {
    this.tally.calls += 1
    return await new DockerClient({ path: this.server.socket })
      .persist(call, fields)
      .catch(() => undefined)
  }

  async #append(name: string, path: string, line: string): Promise<void> {
    const file = await open(this.#machine.path(path), 'a')
    try {
      await file.write(`${line}\n`)
      await file.sync()
      this.#written.set(name, [...(this.#written.get(name) ?? []), line])
    } finally {
      await file.close()
    }
  }
}

function newId(): string {
  return randomBytes(32).toString('hex')
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A record goes with the last thing that it is of, be it between two looks. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
