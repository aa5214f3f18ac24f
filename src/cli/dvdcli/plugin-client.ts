import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import {
  FailedPreconditionError,
  NotFoundError,
  TimeoutError,
  UnavailableError,
} from '../../libstorage/errors.ts'
import { sleep } from '../../libstorage/wait.ts'
import { findPlugin, type PluginAddress } from './discovery.ts'

/** A call of the volume plugin protocol. */
export type PluginCall =
  | 'Plugin.Activate'
  | 'VolumeDriver.Create'
  | 'VolumeDriver.Get'
  | 'VolumeDriver.List'
  | 'VolumeDriver.Mount'
  | 'VolumeDriver.Path'
  | 'VolumeDriver.Remove'
  | 'VolumeDriver.Unmount'

/** What a plugin answers, as far as it is used. */
export interface PluginReply {
  readonly Err?: string
  readonly Mountpoint?: string
  readonly Implements?: readonly string[]
  readonly Volume?: { readonly Name?: string; readonly Mountpoint?: string } | null
  readonly Volumes?: readonly { readonly Name?: string }[] | null
}

const ACCEPT = 'application/vnd.docker.plugins.v1.2+json'
/** The pauses before a call is tried again while the plugin cannot be reached, as the engine makes them, in milliseconds. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000]
/** The agent kills a mount after 120 s: an error that says why must come before. */
const ANSWER_MS = 110_000

/** Speaks to one volume plugin. Every attempt sends the whole request, so that none is ever carried out without its body. */
export class PluginClient {
  readonly #name: string
  readonly #roots: readonly string[]
  readonly #warn: (message: string) => void
  readonly #deadline = performance.now() + ANSWER_MS

  constructor(
    name: string,
    { roots, warn }: { roots: readonly string[]; warn: (message: string) => void },
  ) {
    this.#name = name
    this.#roots = roots
    this.#warn = warn
  }

  /** Makes sure that the plugin serves volumes. Rejects with `FailedPreconditionError` where it serves something else. */
  async activate(): Promise<void> {
    const { Implements = [] } = await this.call('Plugin.Activate')
    if (Implements.includes('VolumeDriver')) return
    throw new FailedPreconditionError({
      subject: `plugin ${JSON.stringify(this.#name)}`,
      problem: 'serves no volumes',
      remedy: 'name another one by --volumedriver',
    })
  }

  /** Rejects with the plugin's own message where it refuses, and in time where it cannot be reached. */
  async call(call: PluginCall, body?: object): Promise<PluginReply> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#ask(call, body)
      } catch (error) {
        const pauseMs = RETRIES_MS[attempt]
        if (!isUnreachable(error) || pauseMs === undefined || this.#leftMs() < pauseMs) throw error
        this.#warn(`${error.message}, retrying in ${pauseMs / 1_000}s`)
        await sleep(pauseMs)
      }
    }
  }

  async #ask(call: PluginCall, body: object | undefined): Promise<PluginReply> {
    const address = findPlugin(this.#name, this.#roots)
    if (address === undefined)
      throw new UnreachableError(
        new NotFoundError(`volume plugin ${JSON.stringify(this.#name)}`).message,
      )
    const text = body === undefined ? '' : `${JSON.stringify(body)}\n`
    const { status, said } = await post(address, call, text, Math.max(1, Math.ceil(this.#leftMs())))
    const reply = parse(said)
    if (status === 200 && reply !== undefined && !reply.Err) return reply
    const why = reply?.Err || said.trim() || `the plugin answered ${status}`
    throw new RefusedError(why)
  }

  #leftMs(): number {
    return this.#deadline - performance.now()
  }
}

/** The plugin's own refusal, in its words. */
export class RefusedError extends Error {}

/** No answer came: the plugin may come up yet. */
class UnreachableError extends UnavailableError {
  constructor(message: string, cause?: unknown) {
    super({ subject: message, problem: '', cause })
    this.message = message
  }
}

function isUnreachable(error: unknown): error is UnreachableError {
  return error instanceof UnreachableError
}

function post(
  address: PluginAddress,
  call: PluginCall,
  body: string,
  timeoutMs: number,
): Promise<{ status: number; said: string }> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(timeoutMs)
    const options: RequestOptions = {
      method: 'POST',
      path: `/${call}`,
      headers: { accept: ACCEPT, 'content-length': Buffer.byteLength(body) },
      agent: false,
      signal: limit,
    }
    const broken = (error: Error) =>
      reject(limit.aborted ? tooLate(call, error) : new UnreachableError(error.message, error))
    const answered = (response: IncomingMessage) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', broken)
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, said: Buffer.concat(parts).toString('utf8') }),
      )
    }
    const sent = open(address, options, answered)
    sent.once('error', broken)
    sent.end(body)
  })
}

function open(
  address: PluginAddress,
  options: RequestOptions,
  answered: (response: IncomingMessage) => void,
): ReturnType<typeof httpRequest> {
  if (address.kind === 'unix') {
    const headers = { ...options.headers, host: 'plugin.moby.localhost' }
    return httpRequest({ ...options, headers, socketPath: address.socketPath }, answered)
  }
  const { host, port, tls } = address
  if (address.kind === 'http') return httpRequest({ ...options, host, port }, answered)
  return httpsRequest({ ...options, ...tls, host, port }, answered)
}

function tooLate(call: PluginCall, cause: unknown): TimeoutError {
  return new TimeoutError({
    subject: call,
    problem: `was not answered within ${ANSWER_MS / 1_000} s`,
    remedy: 'try again: what is under way may be done by then',
    cause,
  })
}

function parse(text: string): PluginReply | undefined {
  try {
    const reply: unknown = JSON.parse(text)
    return typeof reply === 'object' && reply !== null ? (reply as PluginReply) : undefined
  } catch {
    return undefined
  }
}
