import {
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A proxy as companies have them: it forwards plain requests, and makes tunnels (`CONNECT`). */
export class ForwardProxy {
  /** What it was asked for, in order: `POST 127.0.0.1:8080`, `CONNECT ec2.us-east-1.amazonaws.com:443`. */
  readonly requests: string[] = []
  /** The ports of this machine to which tunnels lead, by where they are asked to; to everything else none does. */
  readonly tunnels = new Map<string, number>()
  /** Answered instead of being forwarded. */
  refusal: number | undefined
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()

  private constructor() {
    this.#server = createServer((asked, response) => this.#forward(asked, response))
    this.#server.on('connect', (asked: IncomingMessage, socket: Duplex) =>
      this.#tunnel(asked, socket),
    )
  }

  static async start(): Promise<ForwardProxy> {
    const started = new ForwardProxy()
    await new Promise<void>((resolve) => started.#server.listen(0, '127.0.0.1', resolve))
    return started
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #forward(asked: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = asked
    const target = new URL(url)
    this.requests.push(`${method} ${target.host}`)
    if (this.refusal !== undefined) {
      response.writeHead(this.refusal, { 'content-type': 'text/html' })
      response.end('<html><body>The proxy does not let you.</body></html>')
      return
    }
    const forwarded = { ...headers, 'x-forwarded-for': '127.0.0.1' }
    const passed = requestHttp(target, { method, headers: forwarded, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    asked.pipe(passed)
  }

  #tunnel({ url = '' }: IncomingMessage, socket: Duplex): void {
    this.requests.push(`CONNECT ${url}`)
    this.#keep(socket)
    const port = this.tunnels.get(url)
    if (this.refusal !== undefined || port === undefined) {
      socket.end(`HTTP/1.1 ${this.refusal ?? 403} Refused\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const there: Socket = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      there.pipe(socket).pipe(there)
    })
    this.#keep(there)
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
