import { request } from 'node:http'
import { UnavailableError } from '../../libstorage/errors.ts'
import { sleep, throwIfAborted, timeLimit } from '../../libstorage/wait.ts'

/** How long the service may take for one answer. Where it is not, or a hop limit drops its answer, nothing ever comes. */
const ANSWER_MS = 1_000
const ATTEMPTS = 3
const RETRY_MS = 100
/** The longest that a token may live, in seconds, and the share of it after which a new one is fetched. */
const TOKEN_TTL_S = 21_600
const TOKEN_USED_SHARE = 0.8

/** One answer of the service. */
export interface MetadataAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Asks the instance metadata service, version 2. Version 1 only where the service itself says that it has no tokens
 * (404 or 405), never after a wait in vain. Never through a proxy.
 */
export class MetadataService {
  readonly #endpoint: URL
  #token: { readonly value: string; readonly until: number } | undefined
  #hasTokens = true

  constructor(endpoint: string) {
    this.#endpoint = new URL(endpoint)
  }

  /** The text at a path; undefined where there is none. Rejects with `UnavailableError` when the service does not answer. */
  async get(path: string, signal?: AbortSignal): Promise<string | undefined> {
    const answer = await this.#answered(path, signal)
    if (answer.status === 200) return answer.text
    if (answer.status === 404) return undefined
    throw this.#unavailable(`answers ${answer.status} for ${path}`)
  }

  async #answered(path: string, signal: AbortSignal | undefined): Promise<MetadataAnswer> {
    const answer = await this.#withToken(path, signal)
    if (answer.status !== 401) return answer
    // The token was not taken: one is fetched anew, once.
    this.#token = undefined
    this.#hasTokens = true
    return await this.#withToken(path, signal)
  }

  async #withToken(path: string, signal: AbortSignal | undefined): Promise<MetadataAnswer> {
    const token = await this.#validToken(signal)
    return await this.#ask('GET', path, token ? { 'x-aws-ec2-metadata-token': token } : {}, signal)
  }

  async #validToken(signal: AbortSignal | undefined): Promise<string | undefined> {
    if (!this.#hasTokens) return undefined
    if (this.#token !== undefined && performance.now() < this.#token.until) return this.#token.value
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_TTL_S) }
    const { status, text } = await this.#ask('PUT', '/latest/api/token', headers, signal)
    if (status === 404 || status === 405) {
      this.#hasTokens = false
      return undefined
    }
    if (status !== 200) throw this.#unavailable(`gives no token (status ${status})`)
    const until = performance.now() + TOKEN_TTL_S * 1_000 * TOKEN_USED_SHARE
    this.#token = { value: text.trim(), until }
    return this.#token.value
  }

  async #ask(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<MetadataAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await askMetadata(new URL(path, this.#endpoint), method, headers, signal)
      } catch (error) {
        throwIfAborted(signal)
        if (attempt === ATTEMPTS) throw this.#silent(error)
        await sleep(RETRY_MS, signal)
      }
    }
  }

  #silent(cause: unknown): UnavailableError {
    const said = cause instanceof Error ? cause.message : String(cause)
    return this.#unavailable(`does not answer (${said})`, cause)
  }

  #unavailable(problem: string, cause?: unknown): UnavailableError {
    return new UnavailableError({
      subject: `the instance metadata service at ${this.#endpoint.host}`,
      problem,
      remedy:
        'allow it for this instance (http-endpoint, hop limit 2 inside a container network), or set ebs.region, ebs.availabilityZone and ebs.instanceId',
      cause,
    })
  }
}

/** One request, with no repeat; rejects where no answer comes within a second. Never through a proxy. */
export function askMetadata(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<MetadataAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method,
      headers,
      agent: false,
      signal: AbortSignal.any([timeLimit(ANSWER_MS), ...(signal ? [signal] : [])]),
    })
    asked.once('error', (error) =>
      reject(
        error.name === 'AbortError' && !signal?.aborted
          ? new Error(`no answer within ${ANSWER_MS / 1_000} s`, { cause: error })
          : error,
      ),
    )
    asked.once('response', (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (part: string) => {
        text += part
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.once('error', reject)
    })
    asked.end()
  })
}
