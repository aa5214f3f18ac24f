import { FailedPreconditionError, TimeoutError } from '../../libstorage/errors.ts'
import { sleep, timeLimit } from '../../libstorage/wait.ts'
import { findPlugin } from './discovery.ts'
import { exchange, UnreachableError } from './exchange.ts'
import { type PluginReply, readReply } from './plugin-reply.ts'

/** A call of the volume plugin protocol. */
export type PluginCall =
  | 'Plugin.Activate'
  | 'VolumeDriver.Create'
  | 'VolumeDriver.Get'
  | 'VolumeDriver.List'
  | 'VolumeDriver.Mount'
  | 'VolumeDriver.Path'
  | 'VolumeDriver.Remove'
  | 'VolumeDriver.Unmount'

/** How a plugin is spoken to. */
export interface ClientOptions {
  /** Below which it is looked for, the first first. */
  readonly roots: readonly string[]
  /** Is told of each attempt that failed and is made again. */
  readonly warn: (message: string) => void
  /** How long all calls together may take, in milliseconds. */
  readonly limitMs: number
  /** The pauses before a call is made again while nothing answers, in milliseconds; those of Docker's engine unless given. */
  readonly pausesMs?: readonly number[]
}

const PAUSES_MS: readonly number[] = [1_000, 2_000, 4_000, 8_000]
/** A call that has taken so long already is not made again, in milliseconds. */
const PATIENCE_MS = 30_000

/** Speaks to one volume plugin. Every attempt looks for it anew and sends the whole request: none is carried out without its body. */
export class PluginClient {
  readonly #name: string
  readonly #options: ClientOptions
  readonly #limit: AbortSignal

  constructor(name: string, options: ClientOptions) {
    this.#name = name
    this.#options = options
    this.#limit = timeLimit(options.limitMs)
  }

  /** Makes sure that the plugin serves volumes. Rejects with `FailedPreconditionError` where it serves something else. */
  async activate(): Promise<void> {
    const reply = await this.call('Plugin.Activate')
    if (reply.implements.includes('VolumeDriver')) return
    throw new FailedPreconditionError({
      subject: this.#named(),
      problem: 'serves no volumes',
      remedy: 'name another one by --volumedriver',
    })
  }

  /**
   * Rejects with the plugin's own words (`RefusedError`) where it refuses, with `UnavailableError` where it cannot be reached,
   * and with `TimeoutError` when the time is up.
   */
  async call(call: PluginCall, body?: object): Promise<PluginReply> {
    const text = body === undefined ? '' : `${JSON.stringify(body)}\n`
    const began = performance.now()
    for (const pauseMs of this.#options.pausesMs ?? PAUSES_MS) {
      try {
        return await this.#ask(call, text)
      } catch (error) {
        const isLate = performance.now() - began + pauseMs >= PATIENCE_MS
        if (!(error instanceof UnreachableError) || isLate) throw error
        this.#options.warn(`${error.message}, retrying in ${pauseMs / 1_000}s`)
        await this.#pause(call, pauseMs)
      }
    }
    return await this.#ask(call, text)
  }

  async #ask(call: PluginCall, body: string): Promise<PluginReply> {
    const address = findPlugin(this.#name, this.#options.roots)
    if (address === undefined)
      throw new UnreachableError({
        subject: this.#named(),
        problem: 'not found',
        remedy: 'start it, or name another one by --volumedriver',
      })
    try {
      const { status, text } = await exchange(address, { call, body, signal: this.#limit })
      return readReply(status, text)
    } catch (error) {
      throw this.#limit.aborted ? this.#tooLate(call, error) : error
    }
  }

  async #pause(call: PluginCall, pauseMs: number): Promise<void> {
    try {
      await sleep(pauseMs, this.#limit)
    } catch (error) {
      throw this.#tooLate(call, error)
    }
  }

  #named(): string {
    return `plugin ${JSON.stringify(this.#name)}`
  }

  #tooLate(call: PluginCall, cause: unknown): TimeoutError {
    return new TimeoutError({
      subject: call,
      problem: `was not answered within ${this.#options.limitMs / 1_000} s`,
      remedy: 'try again: what is under way may be done by then',
      cause,
    })
  }
}
