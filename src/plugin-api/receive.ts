import type { IncomingMessage } from 'node:http'
import { InvalidArgumentError } from '../libstorage/errors.ts'
import { LOST_BODY } from './error-response.ts'
import { BODY_LIMIT_BYTES, readBody } from './request-body.ts'
import { type PluginRequest, parseRequest } from './requests.ts'
import type { PluginCall } from './routes.ts'

/** What came in: a request to perform, or why there is none. */
export type Received =
  | { readonly kind: 'request'; readonly request: PluginRequest }
  /** Answered with this status and message. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  /** Not answered: the connection is broken off. */
  | { readonly kind: 'unanswerable'; readonly message: string }
  /** The client left before it had said everything. */
  | { readonly kind: 'gone' }

/** Reads a call and understands it. Performs nothing. */
export async function receive(call: PluginCall, incoming: IncomingMessage): Promise<Received> {
  const body = await readBody(incoming)
  if (body.outcome === 'gone') return { kind: 'gone' }
  if (body.outcome === 'too long') {
    const message = `the request is longer than ${BODY_LIMIT_BYTES} bytes`
    return { kind: 'refused', status: 413, message }
  }
  try {
    const request = parseRequest(call.schema, body.text)
    if (request.name !== '' || !call.needsName) return { kind: 'request', request }
    return lostBody(call, body.text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    return { kind: 'refused', status: 400, message: error.message }
  }
}

/**
 * Any JSON answer to a Get that lost its body makes Docker say "no such volume" and forget the volume's labels and
 * options; a broken connection makes it keep them.
 */
function lostBody(call: PluginCall, text: string): Received {
  const message = LOST_BODY.Err
  if (call.name === 'Get' && text.trim() === '') return { kind: 'unanswerable', message }
  return { kind: 'refused', status: 500, message }
}
