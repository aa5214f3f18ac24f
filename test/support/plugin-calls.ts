import { type Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** An answer of the plugin, of whatever status. */
export interface PluginReply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Where calls go, and over which connections. */
export interface PluginEndpoint {
  readonly socket: string
  readonly agent?: Agent
}

/** One call as Docker sends it. Rejects when the connection cannot be made or breaks before the reply is whole. */
export function callPlugin(
  { socket, agent }: PluginEndpoint,
  call: string,
  body: object = {},
): Promise<PluginReply> {
  return new Promise((resolve, reject) => {
    const payload = `${JSON.stringify(body)}\n`
    const outgoing = request(
      {
        socketPath: socket,
        path: call === 'Activate' ? '/Plugin.Activate' : `/VolumeDriver.${call}`,
        method: 'POST',
        headers: {
          Host: '',
          'User-Agent': 'Go-http-client/1.1',
          'Content-Length': Buffer.byteLength(payload),
          Accept: 'application/vnd.docker.plugins.v1.2+json',
        },
        ...(agent === undefined ? {} : { agent }),
      },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () => {
          if (!incoming.complete) return reject(new Error('the reply was cut short'))
          const text = Buffer.concat(chunks).toString()
          resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) })
        })
      },
    )
    outgoing.once('error', reject)
    outgoing.end(payload)
  })
}

/**
 * One call that, as Docker's do, tries again only while the socket is missing or refuses, for 15 s at most. Any other
 * broken connection is a lost call and rejects.
 */
export async function callPatiently(
  endpoint: PluginEndpoint,
  call: string,
  body: object = {},
): Promise<PluginReply> {
  const deadline = performance.now() + 15_000
  for (;;) {
    try {
      return await callPlugin(endpoint, call, body)
    } catch (error) {
      if (!isRefusedDial(error) || performance.now() > deadline) throw error
      await sleep(20)
    }
  }
}

/** One call that has to succeed; its error text is thrown. */
export async function expectSuccess(
  endpoint: PluginEndpoint,
  call: string,
  body: object = {},
): Promise<Readonly<Record<string, unknown>>> {
  const reply = await callPlugin(endpoint, call, body)
  if (reply.status !== 200)
    throw new Error(`${call} answered ${reply.status}: ${reply.body['Err']}`)
  return reply.body
}

function isRefusedDial(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ECONNREFUSED' || code === 'ENOENT'
}
