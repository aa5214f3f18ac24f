import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** Something that was pushed. */
interface Stored {
  readonly type: string
  readonly content: Buffer
}

const ROUTE = /^\/v2\/(?<name>.+)\/(?<kind>blobs\/uploads|blobs|manifests)\/(?<reference>[^/?]*)/
const BINARY = 'application/octet-stream'

/**
 * A registry in memory on 127.0.0.1, which engines speak to without TLS: as much of the distribution specification
 * (https://github.com/opencontainers/distribution-spec) as `docker plugin push`, `install` and `upgrade` need.
 */
export class PluginRegistry {
  readonly #server: Server
  /** By digest, and manifests by name and tag too. */
  readonly #stored = new Map<string, Stored>()
  readonly #uploads = new Map<string, Buffer[]>()

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
  }

  /** `close` must be called however the test ends. */
  static async start(): Promise<PluginRegistry> {
    const registry = new PluginRegistry()
    registry.#server.listen(0, '127.0.0.1')
    await once(registry.#server, 'listening')
    return registry
  }

  /** What stands before the names of what lies here: `127.0.0.1:4711`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? ''
    const { name, kind, reference } = ROUTE.exec(url)?.groups ?? {}
    if (name === undefined || kind === undefined || reference === undefined)
      return end(response, url === '/v2/' ? 200 : 404)
    if (request.method === 'GET' || request.method === 'HEAD') {
      const found = this.#stored.get(reference) ?? this.#stored.get(`${name}:${reference}`)
      return sendStored(response, found, request.method)
    }
    const body = await buffer(request)
    if (kind === 'manifests') {
      const type = request.headers['content-type'] ?? BINARY
      const digest = this.#keep(body, type)
      this.#stored.set(`${name}:${reference}`, { type, content: body })
      return end(response, 201, { 'Docker-Content-Digest': digest })
    }
    this.#upload({ name, id: reference, method: request.method ?? '', body, url }, response)
  }

  /** An upload begins with POST, grows with PATCH, and ends with the PUT that says its digest. */
  #upload(part: UploadPart, response: ServerResponse): void {
    const { name, method, body, url } = part
    const id = part.id === '' ? randomUUID() : part.id
    const parts = [...(this.#uploads.get(id) ?? []), body]
    const digest = new URL(url, 'http://registry').searchParams.get('digest')
    if (method === 'PUT' && digest !== null) {
      this.#uploads.delete(id)
      const kept = this.#keep(Buffer.concat(parts), BINARY)
      end(response, kept === digest ? 201 : 400, { 'Docker-Content-Digest': kept })
      return
    }
    this.#uploads.set(id, parts)
    const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const range = `0-${Math.max(0, length - 1)}`
    end(response, 202, { Location: `/v2/${name}/blobs/uploads/${id}`, Range: range })
  }

  #keep(content: Buffer, type: string): string {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
    this.#stored.set(digest, { type, content })
    return digest
  }
}

interface UploadPart {
  readonly name: string
  /** Empty for a new one. */
  readonly id: string
  readonly method: string
  readonly body: Buffer
  readonly url: string
}

function sendStored(response: ServerResponse, stored: Stored | undefined, method: string): void {
  if (stored === undefined) {
    end(response, 404)
    return
  }
  const { type, content } = stored
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': content.byteLength,
    'Docker-Content-Digest': digest,
  })
  response.end(method === 'HEAD' ? undefined : content)
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Docker-Distribution-Api-Version': 'registry/2.0', ...headers })
  response.end()
}
