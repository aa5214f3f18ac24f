import { constants, createHmac, sign, timingSafeEqual, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import { nearest } from '../../libstorage/nearest.ts'
import type { CommandContext } from '../context.ts'

const FAMILIES = ['HS', 'RS', 'PS', 'ES'] as const
const BITS = ['256', '384', '512'] as const

/** A way to sign tokens; RFC 7518, section 3. */
export interface Algorithm {
  readonly name: string
  readonly family: (typeof FAMILIES)[number]
  readonly digest: string
}

/** The algorithm of this name. Throws `InvalidArgumentError` where there is none. */
export function algorithmNamed(text: string): Algorithm {
  const all = FAMILIES.flatMap((family) =>
    BITS.map((bits) => ({ name: `${family}${bits}`, family, digest: `sha${bits}` })),
  )
  const found = all.find(({ name }) => name === text.toUpperCase())
  if (found !== undefined) return found
  const near = nearest(
    text,
    all.map(({ name }) => name),
  )
  throw new InvalidArgumentError({
    subject: `algorithm "${text}"`,
    problem: 'is unknown',
    remedy: `use ${near ?? 'HS256'}`,
  })
}

/** Signs a text. Throws `InvalidArgumentError` where the key is none for this algorithm. */
export function signatureOf(
  { family, digest, name }: Algorithm,
  key: string,
  text: string,
): Buffer {
  if (family === 'HS') return createHmac(digest, key).update(text).digest()
  try {
    return sign(digest, Buffer.from(text), { key, ...optionsOf(family) })
  } catch (cause) {
    throw wrongKey(name, cause)
  }
}

/** Whether a text was signed so. Throws `InvalidArgumentError` where the key is none for this algorithm. */
export function isSignedBy(
  algorithm: Algorithm,
  key: string,
  { text, signature }: { readonly text: string; readonly signature: Buffer },
): boolean {
  const { family, digest, name } = algorithm
  if (family === 'HS') {
    // A public key is no secret: whoever has it could sign anything by it.
    if (key.includes('-----BEGIN')) throw wrongKey(name, undefined)
    const wanted = signatureOf(algorithm, key, text)
    return wanted.length === signature.length && timingSafeEqual(wanted, signature)
  }
  try {
    return verify(digest, Buffer.from(text), { key, ...optionsOf(family) }, signature)
  } catch (cause) {
    throw wrongKey(name, cause)
  }
}

/** The key that a flag or the configuration gives, as it is or as the content of a file. */
export async function tokenKey(
  { host, flags }: CommandContext,
  given: string | undefined,
): Promise<string> {
  const text = given ?? (await host.loadConfig(flags())).said('rexray.token.key')
  if (text === undefined || text === '') {
    throw new InvalidArgumentError({
      subject: 'the key of the token',
      problem: 'is missing',
      remedy: 'give it, or a file with it, by --key or rexray.token.key',
    })
  }
  try {
    return readFileSync(text, 'utf8')
  } catch {
    return text
  }
}

function optionsOf(family: Algorithm['family']) {
  if (family === 'PS') {
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  }
  return family === 'ES' ? { dsaEncoding: 'ieee-p1363' as const } : {}
}

function wrongKey(algorithm: string, cause: unknown): InvalidArgumentError {
  return new InvalidArgumentError({
    subject: 'the key of the token',
    problem: `is none for ${algorithm}`,
    remedy: 'give one in PEM form, or use HS256',
    cause,
  })
}
