import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { after } from '../libstorage/wait.ts'

/** The requests that are being received or served, each on a connection of its own. */
export class OpenRequests {
  readonly #connections = new Map<Duplex, IncomingMessage>()
  #onNone: (() => void) | undefined

  /** Counts a request until its reply is written or its client has gone. */
  add(request: IncomingMessage, response: ServerResponse): void {
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

  get size(): number {
    return this.#connections.size
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
