import { AbortedError, TimeoutError } from '../../../src/libstorage/errors.ts'
import { after, sleep } from '../../../src/libstorage/wait.ts'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import type { Chronicle } from './chronicle.ts'
import type { Life } from './life.ts'
import type { Server, WorldMachine } from './world-machine.ts'

/** How long the server may take for Create and Mount, and for all others, in milliseconds (semantics 4.13). */
export const SLOW_MS = 111_000
export const OTHER_MS = 56_000
/** How long past its deadline the last word may take, in milliseconds. */
const LAST_WORD_MS = 1_000
/** How long a client tries to reach the plugin, in milliseconds. */
const CONNECT_MS = 30_000

/** What is asked of the server. */
export type Work<T> = (manager: MountManager, signal: AbortSignal) => Promise<T>

/** One call of the plugin API. */
export interface PluginRequest<T> {
  /** As messages name it: `Mount`. */
  readonly what: string
  readonly deadlineMs: number
  readonly work: Work<T>
  /** Told whether the answer reached the client. */
  readonly settle?: (value: T, isDelivered: boolean) => void
  /** The client goes away after so many milliseconds. */
  readonly patienceMs?: number | undefined
  /** Called when the connection broke off, before the same is sent again. */
  readonly onRepeat?: () => void
}

type Answered<T> = { readonly value: T } | { readonly error: unknown }
type Answer<T> = Answered<T> | 'broken off'

/** The way from a dockerd to the plugin's socket: what breaks off is sent again for 30 s. */
export class PluginClient {
  /** How many replies break off on their way. */
  losing = 0
  readonly #machine: WorldMachine
  readonly #chronicle: Chronicle
  readonly #open = new Map<Promise<unknown>, Server>()

  constructor(machine: WorldMachine, chronicle: Chronicle) {
    this.#machine = machine
    this.#chronicle = chronicle
  }

  /** Rejects with what the server said, or with an `Error` that there is no plugin. */
  async call<T>(life: Life, request: PluginRequest<T>): Promise<T> {
    for (const giveUpAt = Date.now() + CONNECT_MS; ; ) {
      await life.pass(request.what, 1)
      const { server } = this.#machine
      if (server !== undefined) {
        const answer = await this.#ask(life, server, request)
        if (answer !== 'broken off') return resultOf(answer)
        request.onRepeat?.()
      } else if (Date.now() > giveUpAt) throw new Error('no plugin')
      else await sleep(1_000)
    }
  }

  /** Resolves when no call to this server is open. */
  async answered(server: Server): Promise<void> {
    const open = [...this.#open].filter(([, asked]) => asked === server)
    await Promise.all(open.map(([answering]) => answering))
  }

  #delivers<T>(life: Life, { what, settle }: PluginRequest<T>, value: T): boolean {
    const isLost = this.losing > 0
    settle?.(value, !isLost && life.isAlive)
    if (!isLost) return true
    this.losing -= 1
    this.#chronicle.say(`${this.#machine.id}: the reply to ${what} breaks off`)
    return false
  }

  async #ask<T>(life: Life, server: Server, request: PluginRequest<T>): Promise<Answer<T>> {
    const answering = this.#answer(life, server, request)
    this.#open.set(answering, server)
    const answer = await answering
    this.#open.delete(answering)
    const isAnswered = answer !== 'broken off' && 'value' in answer
    return isAnswered && !this.#delivers(life, request, answer.value) ? 'broken off' : answer
  }

  async #answer<T>(life: Life, server: Server, request: PluginRequest<T>): Promise<Answer<T>> {
    const { what, deadlineMs, work, patienceMs } = request
    const abort = new AbortController()
    const facts = { subject: what, problem: 'is over' }
    const timers = [
      after(deadlineMs, () => abort.abort(new TimeoutError(facts))),
      after(deadlineMs + LAST_WORD_MS, () => this.#hangs(server, what)),
    ]
    if (patienceMs !== undefined)
      timers.push(after(patienceMs, () => abort.abort(new AbortedError(facts))))
    void life.ended.then(() => abort.abort(new AbortedError(facts)))
    const answered = work(server.manager, abort.signal).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    const brokenOff = server.life.ended.then(() => 'broken off' as const)
    const answer = await Promise.race([answered, brokenOff])
    for (const timer of timers) timer.cancel()
    return answer
  }

  #hangs(server: Server, what: string): void {
    if (!server.life.isAlive || this.#machine.wasFrozenSince(Date.now() - SLOW_MS)) return
    this.#chronicle.violated(`${what} on ${this.#machine.id} outlasts its deadline`)
  }
}

function resultOf<T>(answer: Answered<T>): T {
  if ('error' in answer) throw answer.error
  return answer.value
}
