import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AccessKey, IamAccount } from './account.ts'

/** Why somebody is not let in; each service has codes of its own for it. */
export type SignatureFlaw =
  | 'missing'
  | 'unknown key'
  | 'wrong secret'
  | 'wrong token'
  | 'expired'
  | 'wrong time'

/** How far the time of a request may be from that of the service (AWS General Reference, "Signature Version 4"). */
const TIME_DIFFERENCE_MS = 300_000

/** Who signed a request (Signature Version 4), or what is wrong with its signature. `now` is the time of the service. */
export function signer(
  account: IamAccount,
  request: IncomingMessage,
  body: string,
  now: number,
): AccessKey | SignatureFlaw {
  const { authorization = '' } = request.headers
  const scope = /Credential=([^/]+)\/([^,\s]+)/.exec(authorization)
  const names = /SignedHeaders=([^,\s]+)/.exec(authorization)?.[1]?.split(';')
  const signature = /Signature=([0-9a-f]+)/.exec(authorization)?.[1]
  if (!scope?.[1] || !scope[2] || !names || !signature) return 'missing'
  const key = account.keys.get(scope[1])
  if (key === undefined) return 'unknown key'
  const date = String(request.headers['x-amz-date'] ?? '')
  const canonical = canonicalRequest(request, names, body)
  const text = ['AWS4-HMAC-SHA256', date, scope[2], sha256(canonical)].join('\n')
  if (!isSame(signature, hmac(signingKey(key.secret, scope[2]), text).toString('hex')))
    return 'wrong secret'
  if (Math.abs(timeOf(date) - now) > TIME_DIFFERENCE_MS) return 'wrong time'
  if (key.token !== request.headers['x-amz-security-token']) return 'wrong token'
  return key.expiresAt !== undefined && key.expiresAt.getTime() <= now ? 'expired' : key
}

function canonicalRequest(
  request: IncomingMessage,
  names: readonly string[],
  body: string,
): string {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://any')
  const query = [...searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&')
  const headers = names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
  const lines = [request.method, pathname, query, headers.join(''), names.join(';'), sha256(body)]
  return lines.join('\n')
}

function signingKey(secret: string, scope: string): Buffer {
  return scope
    .split('/')
    .reduce((key: Buffer, part) => hmac(key, part), Buffer.from(`AWS4${secret}`))
}

/** `20261121T104055Z` */
function timeOf(text: string): number {
  const form = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
  return Date.parse(text.replace(form, '$1-$2-$3T$4:$5:$6Z'))
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
