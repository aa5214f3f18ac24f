import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { FailedPreconditionError, systemCode, TimeoutError } from '../../libstorage/errors.ts'
import { abortReason, after } from '../../libstorage/wait.ts'
import { withoutPassword } from '../../libstorage/without-password.ts'

/** Where the web service is, and how it is spoken to. */
export interface WebServiceAddress {
  readonly endpoint: string
  readonly tls: boolean
  /** A PEM file. */
  readonly caFile?: string | undefined
  /** Whether any certificate will do. */
  readonly tlsInsecure: boolean
  /** How long one answer may take. */
  readonly timeoutMs: number
}

/** More at once only wait for each other in the service. */
const SOCKETS = 8
/** No answer of these operations comes near it. */
const MOST_BYTES = 32 * 1024 * 1024

/**
 * Sends messages to a web service of VirtualBox, one connection for each: of several that it keeps open it may leave one
 * unserved for a minute.
 */
export class WebService {
  /** As it is told of: with `https` where TLS is wanted, and without a password. */
  readonly endpoint: string
  readonly #url: string
  readonly #address: WebServiceAddress
  #agent: HttpAgent | undefined

  constructor(address: WebServiceAddress) {
    this.#address = address
    this.#url = address.tls ? address.endpoint.replace(/^http:/i, 'https:') : address.endpoint
    this.endpoint = withoutPassword(this.#url)
  }

  /** Resolves with the body of the answer, be it that of a fault. Rejects with what the network said. */
  post(body: string, signal?: AbortSignal): Promise<string> {
    const { timeoutMs } = this.#address
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortReason(signal))
        return
      }
      const send = this.#isTls() ? httpsRequest : httpRequest
      const sent = send(this.#url, {
        method: 'POST',
        agent: this.#agentNow(),
        headers: HEADERS,
      })
      const onAbort = () => sent.destroy(abortReason(signal))
      const timer = after(timeoutMs, () => sent.destroy(tooSlow(this.endpoint, timeoutMs)))
      signal?.addEventListener('abort', onAbort, { once: true })
      sent.on('close', () => {
        timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      })
      sent.on('error', reject)
      sent.on('response', (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          bytes += chunk.length
          if (bytes > MOST_BYTES) response.destroy(new Error('the answer has no end'))
        })
        response.on('error', reject)
        response.on('end', () => resolve(Buffer.concat(chunks).toString()))
      })
      sent.end(body)
    })
  }

  #isTls(): boolean {
    return /^https:/i.test(this.endpoint)
  }

  #agentNow(): HttpAgent {
    const options = { keepAlive: false, maxSockets: SOCKETS }
    const { caFile, tlsInsecure } = this.#address
    this.#agent ??= this.#isTls()
      ? new HttpsAgent({
          ...options,
          rejectUnauthorized: !tlsInsecure,
          ...(caFile !== undefined && { ca: [...rootCertificates, readCertificates(caFile)] }),
        })
      : new HttpAgent(options)
    return this.#agent
  }
}

const HEADERS = { 'content-type': 'text/xml; charset=utf-8', soapaction: '""' }

function readCertificates(file: string): string {
  const subject = `virtualbox.caFile ${file}`
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FailedPreconditionError({
      subject,
      problem: `cannot be read (${systemCode(cause) ?? String(cause)})`,
      remedy: 'name a PEM file that is there',
      cause,
    })
  }
  try {
    // Node itself takes anything, and trusts nothing of it.
    new X509Certificate(text)
    return text
  } catch (cause) {
    throw new FailedPreconditionError({
      subject,
      problem: 'holds no certificate',
      remedy: 'name a PEM file with one in it (BEGIN CERTIFICATE)',
      cause,
    })
  }
}

function tooSlow(endpoint: string, timeoutMs: number): TimeoutError {
  return new TimeoutError({
    subject: `the VirtualBox web service at ${endpoint}`,
    problem: `did not answer within ${timeoutMs / 1_000} s`,
    remedy: 'see whether the host is overloaded or asleep, and try again',
  })
}
