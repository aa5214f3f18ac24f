import type { IncomingMessage, RequestOptions } from 'node:http'
import { FailedPreconditionError, systemCode, UnavailableError } from '../../libstorage/errors.ts'
import type { PluginAddress } from './discovery.ts'

/** One request to a plugin. */
export interface Question {
  /** `VolumeDriver.Get`. */
  readonly call: string
  readonly body: string
  /** Ends the connection; the rejection is then the caller's to explain. */
  readonly signal: AbortSignal
}

/** What came back, whatever its status. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** No answer came: the plugin may come up yet. */
export class UnreachableError extends UnavailableError {}

const ACCEPT = 'application/vnd.docker.plugins.v1.2+json'

/**
 * Sends one request over a connection of its own. Rejects with `UnreachableError` where nothing came back, which is worth a
 * repeat, and with `UnavailableError` where an answer broke off or is no HTTP, which is not: the plugin has done what it was
 * asked to.
 */
export async function exchange(address: PluginAddress, question: Question): Promise<Answer> {
  const { request } =
    address.kind === 'https' ? await import('node:https') : await import('node:http')
  return await new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      take(response).then(resolve, (error: Error) => reject(cutShort(question.call, error)))
    }
    try {
      const sent = request(optionsFor(address, question), answered)
      sent.once('error', (error) => reject(unanswered(address, question.call, error)))
      sent.end(question.body)
    } catch (error) {
      reject(notToBeUsed(address, error))
    }
  })
}

function optionsFor(address: PluginAddress, { call, body, signal }: Question): RequestOptions {
  const headers = { accept: ACCEPT, 'content-length': Buffer.byteLength(body) }
  const options: RequestOptions = {
    method: 'POST',
    path: `/${call}`,
    headers,
    agent: false,
    signal,
    // Lines may end without a CR, as for Go: plugins that are shell scripts write such.
    insecureHTTPParser: true,
  }
  if (address.kind === 'unix')
    return {
      ...options,
      headers: { ...headers, host: 'plugin.moby.localhost' },
      socketPath: address.socketPath,
    }
  const { host, port, tls } = address
  return { ...options, ...tls, host, port }
}

function take(response: IncomingMessage): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    response.on('data', (part: Buffer) => parts.push(part))
    response.once('error', reject)
    response.once('end', () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
    )
  })
}

function cutShort(call: string, cause: Error): UnavailableError {
  return new UnavailableError({
    subject: call,
    problem: `was answered in part only (${cause.message})`,
    remedy: 'see the log of the plugin',
    cause,
  })
}

/** What cannot be parsed came all the same (Node.js, codes with `HPE_`). */
function unanswered(address: PluginAddress, call: string, cause: Error): UnavailableError {
  if (systemCode(cause)?.startsWith('HPE_'))
    return new UnavailableError({
      subject: call,
      problem: `was not answered in HTTP (${cause.message})`,
      remedy: 'see the log of the plugin',
      cause,
    })
  return new UnreachableError({
    subject: `the plugin at ${placeOf(address)}`,
    problem: `gave no answer (${cause.message || cause.name})`,
    cause,
  })
}

/** Node.js throws at once over a certificate or a key that it cannot read. */
function notToBeUsed(address: PluginAddress, cause: unknown): FailedPreconditionError {
  return new FailedPreconditionError({
    subject: `the certificates for the plugin at ${placeOf(address)}`,
    problem: `cannot be used (${cause instanceof Error ? cause.message : String(cause)})`,
    remedy: 'see its TLSConfig',
    cause,
  })
}

function placeOf(address: PluginAddress): string {
  if (address.kind === 'unix') return address.socketPath
  return `${address.kind}://${address.host}:${address.port}`
}
