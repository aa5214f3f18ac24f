import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import * as z from 'zod'
import { agentsFor, dnsSuffix } from '../transport.ts'
import type { Examined } from './examined.ts'

/** What KMS says of a key, or the code of its refusal. */
export type KeyAnswer =
  | { readonly arn: string; readonly state: string }
  | { readonly code: string; readonly said: string }

const answerSchema = z.object({
  KeyMetadata: z.object({ Arn: z.string(), KeyState: z.string() }).optional(),
  __type: z.string().optional(),
  message: z.string().optional(),
  Message: z.string().optional(),
})

/** The few words that are spoken with KMS, in AWS's JSON protocol 1.1: no client for them alone. Rejects where KMS is not reached. */
export async function describeKey(
  examined: Examined,
  KeyId: string,
  signal: AbortSignal,
): Promise<KeyAnswer> {
  const { region } = await examined.own()
  const endpoint = new URL(
    examined.surroundings.kms ?? `https://kms.${region}.${dnsSuffix(region)}`,
  )
  const body = JSON.stringify({ KeyId })
  const headers = await signed(examined, region, endpoint, body)
  const text = await examined.within('KMS', (limit) => post(endpoint, headers, body, limit), signal)
  const answer = answerSchema.parse(JSON.parse(text))
  if (answer.KeyMetadata !== undefined)
    return { arn: answer.KeyMetadata.Arn, state: answer.KeyMetadata.KeyState }
  const code = answer.__type?.split('#').at(-1) ?? 'no code'
  return { code, said: answer.message ?? answer.Message ?? code }
}

/** The client of STS signs for other services too. */
async function signed(
  examined: Examined,
  region: string,
  { protocol, hostname, host, port }: URL,
  body: string,
): Promise<Record<string, string>> {
  const { config } = await examined.sts()
  const signer = await config.signer({
    name: 'sigv4',
    signingName: 'kms',
    signingRegion: region,
    properties: {},
  })
  const { headers } = await signer.sign({
    method: 'POST',
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: '/',
    query: {},
    headers: {
      host,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'TrentService.DescribeKey',
    },
    body,
  })
  return headers
}

function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<string> {
  const { httpAgent, httpsAgent } = agentsFor(url.href)
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { ...headers, connection: 'close' }, signal }
    const asked =
      url.protocol === 'http:'
        ? requestHttp(url, { ...options, agent: httpAgent })
        : requestHttps(url, { ...options, agent: httpsAgent })
    asked.once('error', reject)
    asked.once('response', (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (part: string) => {
        text += part
      })
      response.once('end', () => resolve(text))
      response.once('error', reject)
    })
    asked.end(body)
  })
}
