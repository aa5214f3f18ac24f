import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A way to a web service on which a test stands: it sees what was done before whoever asked does. */
export class Relay {
  readonly endpoint: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Each operation is passed on, and `done` waited for before its answer is given. */
  static async open(to: string, done: (operation: string) => Promise<void>): Promise<Relay> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const body = Buffer.concat(chunks).toString()
      try {
        const headers = { connection: 'close' }
        const answer = await fetch(to, { method: 'POST', body, headers })
        const text = await answer.text()
        await done(/<v:(\w+)/.exec(body)?.[1] ?? '')
        response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(text)
      } catch {
        response.destroy()
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Relay(server)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
