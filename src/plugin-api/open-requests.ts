import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { after, poll } from '../libstorage/wait.ts'

/** How often it is looked whether all callers were heard, in milliseconds. */
const LOOK_MS = 10
/** In so many looks one after the other nobody was silent: the kernel has no more callers waiting to be accepted. */
const LOOKS = 4

/** The callers that were accepted: those that have said nothing yet, and the requests that are being received or served. */
export class OpenRequests {
  readonly #connections = new Map<Duplex, IncomingMessage>()
  readonly #silent = new Set<Duplex>()
  #onNone: (() => void) | undefined

  /** Counts a caller as silent until it asks for something or goes away. */
  dialled(connection: Duplex): void {
    this.#silent.add(connection)
    connection.on('close', () => this.#silent.delete(connection))
  }

  /** Counts a request until its reply is written or its client has gone. */
  add(request: IncomingMessage, response: ServerResponse): void {
    this.#silent.delete(request.socket)
    this.#connections.set(request.socket, request)
    response.on('close', () => {
      this.#connections.delete(request.socket)
      if (this.#connections.size === 0) this.#onNone?.()
    })
  }

  /** The request that came on this connection, while it is open. */
  on(connection: Duplex): IncomingMessage | undefined {
    return this.#connections.get(connection)
  }

  /** Resolves when all who have dialled have said what they want, or after so long. */
  async heard(timeoutMs: number): Promise<void> {
    let looks = 0
    const look = async () => {
      looks = this.#silent.size === 0 ? looks + 1 : 0
      return looks === LOOKS ? true : undefined
    }
    await poll(look, { intervalMs: LOOK_MS, timeoutMs })
  }

  /** Resolves when none is left, or after so long, with how many are left. */
  none(timeoutMs: number): Promise<number> {
    if (this.#connections.size === 0) return Promise.resolve(0)
    return new Promise((resolve) => {
      const finish = () => {
        timer.cancel()
        this.#onNone = undefined
        resolve(this.#connections.size)
      }
      const timer = after(timeoutMs, finish)
      this.#onNone = finish
    })
  }
}
