import * as z from 'zod'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CommandContext } from '../context.ts'
import { type Listing, openPrinter } from '../output/printer.ts'
import { TemplateObject } from '../output/template/values.ts'
import type { DecodeTokenOptions } from './group.ts'
import { algorithmNamed, isSignedBy, tokenKey } from './signature.ts'

const claimsSchema = z.object({
  exp: z.number().int(),
  iat: z.number().int(),
  nbf: z.number().int(),
  sub: z.string(),
})
const headerSchema = z.object({ alg: z.string() })

type Claims = z.infer<typeof claimsSchema>

/** Prints what a token says. Rejects with `InvalidArgumentError` about one that is none, or that does not hold. */
export async function printToken(
  context: CommandContext,
  token: string | undefined,
  options: DecodeTokenOptions,
): Promise<number> {
  const print = await openPrinter(LISTING, options)
  const text = (token ?? (await context.host.readInput())).trim()
  const [header = '', claims = '', signature = ''] = text.split('.')
  const said = decoded(claimsSchema, claims)
  const { alg } = decoded(headerSchema, header)
  if (options.verify === true) {
    const key = await tokenKey(context, options.key)
    const signed = { text: `${header}.${claims}`, signature: Buffer.from(signature, 'base64url') }
    if (!isSignedBy(algorithmNamed(alg), key, signed))
      throw invalidToken('this key did not sign it')
    refuseOutsideItsTime(said, Date.now() / 1_000)
  }
  context.stdout.write(print([said]))
  return 0
}

function refuseOutsideItsTime({ exp, nbf }: Claims, now: number): void {
  if (now >= exp) throw invalidToken(`it expired at ${timeOf(exp)}`)
  if (now < nbf) throw invalidToken(`it does not hold before ${timeOf(nbf)}`)
}

function decoded<T>(schema: z.ZodType<T>, part: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(part, 'base64url').toString()))
  } catch {
    throw invalidToken('it is not of their form')
  }
}

function invalidToken(why: string): InvalidArgumentError {
  return new InvalidArgumentError({ subject: 'invalid token:', problem: why })
}

/** As Go prints a time. */
function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('T', ' ').replace('.000Z', ' +0000 UTC')
}

const LISTING: Listing<Claims> = {
  columns: () => [
    { heading: 'Subject', text: ({ sub }) => sub },
    { heading: 'IssuedAt', text: ({ iat }) => timeOf(iat) },
    { heading: 'NotBefore', text: ({ nbf }) => timeOf(nbf) },
    { heading: 'Expires', text: ({ exp }) => timeOf(exp) },
  ],
  report: ({ exp, iat, nbf, sub }) => ({ exp, iat, nbf, sub }),
  fields: (claims) =>
    new TemplateObject(
      'a token',
      {
        Subject: claims.sub,
        IssuedAt: timeOf(claims.iat),
        NotBefore: timeOf(claims.nbf),
        Expires: timeOf(claims.exp),
      },
      claims,
    ),
  compare: () => 0,
  sample: { exp: 0, iat: 0, nbf: 0, sub: 'sample' },
}
