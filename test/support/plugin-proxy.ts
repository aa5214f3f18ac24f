import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A call that went through a proxy. */
export interface SeenCall {
  /** As the protocol names it: `Mount`, `Activate`. */
  readonly call: string
  readonly body: Readonly<Record<string, unknown>>
  /** What the server answered; undefined while it has not, and when its answer was lost. */
  status?: number
  reply?: Readonly<Record<string, unknown>>
}

/** What happens to a call on its way. */
export type Fault =
  /** It reaches the server only after so many milliseconds, unless its caller has gone by then. */
  | { readonly kind: 'late'; readonly delayMs: number }
  /** The connection breaks before the server has heard of it. */
  | { readonly kind: 'dropped' }
  /** The server's answer is held back for so many milliseconds. */
  | { readonly kind: 'reply late'; readonly delayMs: number }
  /** The connection breaks when the server has answered. */
  | { readonly kind: 'reply lost' }
  /** It reaches the server without its body. */
  | { readonly kind: 'body lost' }
  /** The server never hears of it; this is the answer. */
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }

/** A socket between an engine and a plugin's server: it counts the calls, and harms those that it is told to. */
export class PluginProxy {
  readonly calls: SeenCall[] = []
  readonly #target: string
  readonly #faults = new Map<string, Fault[]>()
  readonly #server = createServer((incoming, response) => {
    // A call that cannot be passed on is a broken connection to its caller.
    this.#pass(incoming, response).catch(() => response.destroy())
  })

  private constructor(target: string) {
    this.#target = target
    this.#server.keepAliveTimeout = 0
  }

  /** Listens on one socket for the server that listens on the other; `close` must be called. */
  static async start(socket: string, target: string): Promise<PluginProxy> {
    const proxy = new PluginProxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(socket, resolve)
    })
    return proxy
  }

  /** How often a call came since the last `forget`. */
  count(call: string): number {
    return this.calls.filter((seen) => seen.call === call).length
  }

  /** How often each of these came, in their order. */
  counts(...calls: readonly string[]): number[] {
    return calls.map((call) => this.count(call))
  }

  forget(): void {
    this.calls.length = 0
  }

  /** The next call of this name that has no other fault before it gets this one. */
  harmNext(call: string, fault: Fault): void {
    this.#faults.set(call, [...(this.#faults.get(call) ?? []), fault])
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(incoming)
    const call = incoming.url?.replace(/^\/[A-Za-z]+\./, '') ?? ''
    const seen: SeenCall = { call, body: text.trim() === '' ? {} : JSON.parse(text) }
    this.calls.push(seen)
    const fault = this.#faults.get(call)?.shift()
    if (fault?.kind === 'late') await sleep(fault.delayMs)
    if (fault?.kind === 'dropped' || response.destroyed) return void response.destroy()
    if (fault?.kind === 'answered') return answer(response, fault.status, fault.text)
    const reply = await this.#forward(incoming, response, fault?.kind === 'body lost' ? '' : text)
    seen.status = reply.status
    seen.reply = JSON.parse(reply.text)
    if (fault?.kind === 'reply late') await sleep(fault.delayMs, undefined, { ref: false })
    if (fault?.kind === 'reply lost') return void response.destroy()
    answer(response, reply.status, reply.text)
  }

  /** A caller that goes away is gone for the server too. */
  #forward(
    { url, headers }: IncomingMessage,
    response: ServerResponse,
    text: string,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#target,
          path: url,
          method: 'POST',
          agent: false,
          headers: { ...headers, 'content-length': Buffer.byteLength(text) },
        },
        (reply) => {
          textOf(reply).then(
            (said) => resolve({ status: reply.statusCode ?? 0, text: said }),
            reject,
          )
        },
      )
      outgoing.once('error', reject)
      response.once('close', () => outgoing.destroy())
      outgoing.end(text)
    })
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/vnd.docker.plugins.v1.2+json',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  })
  response.end(text)
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
