import { connect } from 'node:net'
import type { AnsweringServer } from '../../config/find-answers.ts'

/** A server that says nothing for longer is asked for nothing more: the command sees for itself. */
const PATIENCE_MS = 1_000

/** What the command line asks of a running server. */
export interface ServerQuestion {
  readonly call: 'Remora.List' | 'Remora.Path'
  readonly name?: string
}

/** The JSON object that the server answers; undefined where none comes whole and in time, whatever the reason. */
export async function askServer(
  { socket, digest }: AnsweringServer,
  { call, name }: ServerQuestion,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const body = JSON.stringify({ Name: name, Opts: { digest } })
  const head = [`POST /${call} HTTP/1.1`, 'Host:', `Content-Length: ${Buffer.byteLength(body)}`]
  return await exchange(socket, `${head.join('\r\n')}\r\n\r\n${body}`)
}

/** What comes, once it is whole. Node.js's HTTP client takes longer to load than this to answer. */
function exchange(
  path: string,
  request: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    const connection = connect({ path, timeout: PATIENCE_MS })
    const end = (answer?: Readonly<Record<string, unknown>>) => {
      // It goes with the process: to destroy it makes Node.js open the standard error, which takes longer than the question.
      connection.unref()
      resolve(answer)
    }
    connection.on('data', (part) => {
      parts.push(part)
      const answer = objectIn(Buffer.concat(parts))
      if (answer !== undefined) end(answer)
    })
    for (const failure of ['timeout', 'error', 'end']) connection.once(failure, () => end())
    connection.write(request)
  })
}

function objectIn(reply: Buffer): Readonly<Record<string, unknown>> | undefined {
  const end = reply.indexOf('\r\n\r\n')
  const head = reply.toString('latin1', 0, Math.max(end, 0))
  const length = /\r\nContent-Length: (?<bytes>\d+)/i.exec(head)?.groups?.['bytes']
  const body = reply.subarray(end + 4)
  if (!head.startsWith('HTTP/1.1 200 ') || body.length !== Number(length)) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
