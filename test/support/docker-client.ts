import { connect, type NetConnectOpts } from 'node:net'
import { systemCode } from '../../src/libstorage/errors.ts'
import { sleep } from '../../src/libstorage/wait.ts'

/** Whose bytes are sent. */
export type Dialect = 'dockerd 20.10' | 'dockerd 28' | 'podman 4.3' | 'dvdcli'

export const dialects: readonly Dialect[] = ['dockerd 20.10', 'dockerd 28', 'podman 4.3', 'dvdcli']

/** Podman mounts every volume under this one id. */
export const PODMAN_ID = '2f73349cfc4630255319c6c8dfc1b46a8996ace9d14d8e07563b165915918ec2'

/** The path of a call: `Activate` belongs to the plugin, all others to its driver. */
export function pathOf(call: string): string {
  return call === 'Activate' ? '/Plugin.Activate' : `/VolumeDriver.${call}`
}

/** The bytes with which a client makes a call, as they were observed on the wire. */
export function callBytes(dialect: Dialect, call: string, fields: object = {}): string {
  if (dialect === 'podman 4.3') return podmanBytes(call, fields)
  const host = dialect === 'dockerd 28' ? 'plugin.moby.localhost' : ''
  const body = call === 'Activate' ? '' : `${JSON.stringify(fields)}\n`
  return post(pathOf(call), body, [
    `Host: ${host}`,
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Accept: application/vnd.docker.plugins.v1.2+json',
  ])
}

function podmanBytes(call: string, fields: object): string {
  const body = call === 'Activate' || call === 'List' ? '' : JSON.stringify(fields)
  return post(pathOf(call), body, [
    'Host: plugin',
    'User-Agent: Go-http-client/1.1',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/vnd.docker.plugins.v1.1+json',
    'Accept-Encoding: gzip',
  ])
}

/** What dockerd sends when the connection broke after the body was sent: the same call without its body. */
export function retryBytes(call: string): string {
  return post(pathOf(call), '', [
    'Host: plugin.moby.localhost',
    'User-Agent: Go-http-client/1.1',
    'Content-Length: 0',
    'Accept: application/vnd.docker.plugins.v1.2+json',
  ])
}

/** A POST with these header lines and nothing else. */
export function post(path: string, body: string, headers: readonly string[]): string {
  return `POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}

/** A reply as it came: nothing is decoded but the JSON. */
export interface RawReply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  /** The body's JSON, or undefined where it is none. */
  readonly json: unknown
  /** What came after the reply on the same connection. */
  readonly rest: string
}

/** The error that a reply reports. */
export function errorOf({ json }: RawReply): string {
  return (json as { Err: string }).Err
}

/** Sends bytes on a connection of its own and reads until the server ends it. Rejects when it breaks the connection. */
export function exchange(
  where: NetConnectOpts,
  bytes: string | readonly string[],
): Promise<string> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket = connect(where, () => {
      for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part)
    })
    socket.on('data', (chunk) => received.push(chunk))
    socket.once('end', () => socket.end())
    socket.once('close', () => resolve(Buffer.concat(received).toString()))
    socket.once('error', reject)
  })
}

/** Takes a reply apart. Throws when it is not one. */
export function parseReply(text: string): RawReply {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(`${statusLine} `)?.[1]
  if (end < 0 || status === undefined) throw new Error(`not an HTTP reply: ${JSON.stringify(text)}`)
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const following = Buffer.from(text.slice(end + 4))
  const length = Number(headers.get('content-length') ?? following.length)
  const body = following.subarray(0, length).toString()
  const rest = following.subarray(length).toString()
  return { status: Number(status), headers, text: body, json: parseJson(body), rest }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Calls a plugin's server as one client does; dockerd's retries are those of its own loop, only faster. */
export class DockerClient {
  readonly #where: NetConnectOpts
  readonly #dialect: Dialect

  constructor(where: NetConnectOpts, dialect: Dialect = 'dockerd 20.10') {
    this.#where = where
    this.#dialect = dialect
  }

  /** Makes a call once. Rejects when there is no reply. */
  async call(call: string, fields: object = {}): Promise<RawReply> {
    return parseReply(await exchange(this.#where, callBytes(this.#dialect, call, fields)))
  }

  /** Makes a call as dockerd does: repeated whole while nobody can be dialled, without its body after that. */
  async persist(call: string, fields: object = {}): Promise<RawReply> {
    let bytes = callBytes(this.#dialect, call, fields)
    for (let pauseMs = 5; pauseMs < 5_000; pauseMs *= 2) {
      try {
        return parseReply(await exchange(this.#where, bytes))
      } catch (error) {
        if (!wasNotDialled(error)) bytes = retryBytes(call)
      }
      await sleep(pauseMs)
    }
    throw new Error(`${call} was not answered`)
  }
}

function wasNotDialled(error: unknown): boolean {
  return ['ECONNREFUSED', 'ENOENT', 'EAGAIN'].includes(systemCode(error) ?? '')
}
