import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** As much of a registry as `npm audit` asks: what is known against packages (POST /-/npm/v1/security/advisories/bulk). */
export class SmallRegistry {
  readonly url: string
  readonly #server: Server
  #advisories: object = {}
  #refusal: number | undefined
  readonly #asked: string[] = []

  private constructor(server: Server) {
    this.#server = server
    const { port } = server.address() as AddressInfo
    this.url = `http://127.0.0.1:${port}`
    server.on('request', async (incoming, outgoing) => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk)
      if (incoming.method !== 'POST' || this.#refusal !== undefined) {
        outgoing.writeHead(this.#refusal ?? 404).end('{}')
        return
      }
      const body = Buffer.concat(chunks)
      const isPacked = incoming.headers['content-encoding'] === 'gzip'
      this.#asked.push(...Object.keys(JSON.parse((isPacked ? gunzipSync(body) : body).toString())))
      outgoing.writeHead(200, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify(this.#advisories))
    })
  }

  /** Listens on the loopback interface. */
  static start(): Promise<SmallRegistry> {
    const server = createServer()
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve(new SmallRegistry(server))),
    )
  }

  /** What it answers from now on: advisories by the name of the package. */
  advise(advisories: object): void {
    this.#advisories = advisories
  }

  /** It answers with this status from now on. */
  refuse(status: number): void {
    this.#refusal = status
  }

  /** The packages that it was asked about. */
  asked(): readonly string[] {
    return this.#asked
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}
