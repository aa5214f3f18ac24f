import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Server } from 'node:net'

/** A call that a plugin got. */
export interface GotCall {
  readonly call: string
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

/** How a plugin answers: with a status and a text, or by what it does to the connection. */
export type SmallAnswer =
  | { readonly status?: number; readonly text: string }
  | 'break the connection'
  | 'answer half'
  | 'never answer'

/** How a plugin says that it will not. */
export type Refusal = 'status 500 and Err' | 'status 200 and Err' | 'plain text'

type Fields = Readonly<Record<string, unknown>>

/** A volume plugin that is not ours: a few lines over a map, as many are. */
export class SmallPlugin {
  readonly calls: GotCall[] = []
  readonly volumes = new Map<string, { options: unknown; mounted: boolean }>()
  /** Answers of which each is given once, instead of what the plugin would say. */
  readonly next: SmallAnswer[] = []
  refusal: Refusal = 'status 500 and Err'
  readonly #server: Server

  constructor(tls?: ServerOptions) {
    const serve = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response)
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  }

  /** Listens on a unix socket, or with a number on a port of loopback, any for 0; resolves with the port. */
  listen(place: string | number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      const listening = () => {
        const address = this.#server.address() as AddressInfo | string
        resolve(typeof address === 'string' ? 0 : address.port)
      }
      if (typeof place === 'string') this.#server.listen(place, listening)
      else this.#server.listen(place, '127.0.0.1', listening)
    })
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    if ('closeAllConnections' in this.#server) (this.#server.closeAllConnections as () => void)()
    await closed
  }

  /** The calls in order, each with its body as it came. */
  transcript(): string[] {
    return this.calls.map(({ call, body }) => `${call} ${body.trimEnd()}`.trimEnd())
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const part of request) body += String(part)
    const call = (request.url ?? '').slice(1)
    this.calls.push({ call, body, headers: request.headers })
    const answer = this.next.shift() ?? this.#answer(call, body)
    if (answer === 'never answer') return
    if (answer === 'break the connection') {
      request.socket.destroy()
    } else if (answer === 'answer half') {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"Mountpoint":"/mnt', () => request.socket.destroy())
    } else {
      response.writeHead(answer.status ?? 200).end(answer.text)
    }
  }

  #answer(call: string, body: string): SmallAnswer {
    if (call === 'Plugin.Activate') return { text: '{"Implements":["VolumeDriver"]}' }
    const { Name, Opts } = JSON.parse(body) as { Name: string; Opts?: unknown }
    if (call === 'VolumeDriver.List')
      return { text: JSON.stringify({ Volumes: [...this.volumes.keys()].map(shown) }) }
    if (call === 'VolumeDriver.Create') {
      this.volumes.set(Name, this.volumes.get(Name) ?? { options: Opts, mounted: false })
      return { text: '{}' }
    }
    const volume = this.volumes.get(Name)
    if (volume === undefined) return this.#refuse(`volume ${Name} not found`)
    return { text: JSON.stringify(this.#done(call, Name, volume)) }
  }

  #done(call: string, name: string, volume: { mounted: boolean }): Fields {
    if (call === 'VolumeDriver.Remove') this.volumes.delete(name)
    if (call === 'VolumeDriver.Mount') volume.mounted = true
    if (call === 'VolumeDriver.Unmount') volume.mounted = false
    const Mountpoint = volume.mounted ? `/mnt/${name}` : ''
    return call === 'VolumeDriver.Get' ? { Volume: { Name: name, Mountpoint } } : { Mountpoint }
  }

  #refuse(why: string): SmallAnswer {
    if (this.refusal === 'plain text') return { status: 500, text: `${why}\n` }
    const status = this.refusal === 'status 200 and Err' ? 200 : 500
    return { status, text: JSON.stringify({ Err: why }) }
  }
}

function shown(name: string): Fields {
  return { Name: name }
}
