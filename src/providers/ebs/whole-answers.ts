import type { EC2Client } from '@aws-sdk/client-ec2'
import { NoAnswer } from './errors.ts'

/** What an answer of EC2 has in it (EC2 API Reference, "Making API requests"), and how it ends. */
const REQUEST_ID = '<requestId>'
const END = /Response>\s*$/
const END_BYTES = 128

/**
 * Lets a client take no success for one that EC2 did not say, or not to its end: a proxy, or whoever listens where EC2 is
 * looked for, may answer so with a page or with nothing, which would read as an empty list or as a change that was made.
 */
export function requireWholeAnswers(client: EC2Client): EC2Client {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { response } = result
      if (!isSuccess(response)) return result
      const bytes = await client.config.streamCollector(response.body)
      if (!isWhole(bytes)) throw new NoAnswer(response.statusCode)
      response.body = bytes
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'ec2WholeAnswers' },
  )
  return client
}

function isWhole(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return text.includes(REQUEST_ID) && END.test(text.subarray(-END_BYTES).toString())
}

/** What is no success is looked at by the client itself. */
function isSuccess(response: unknown): response is { readonly statusCode: number; body: unknown } {
  if (typeof response !== 'object' || response === null || !('statusCode' in response)) return false
  return typeof response.statusCode === 'number' && response.statusCode < 300
}
