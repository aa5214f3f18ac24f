import { parseDuration } from '../../libstorage/duration.ts'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { CommandContext } from '../context.ts'
import type { NewTokenOptions } from './group.ts'
import { algorithmNamed, signatureOf, tokenKey } from './signature.ts'

/** Prints a token for each subject, a line each; claims in REX-Ray's order. */
export async function printNewTokens(
  context: CommandContext,
  subjects: readonly string[],
  { key: given, alg = 'HS256', exp = '8760h' }: NewTokenOptions,
): Promise<number> {
  const algorithm = algorithmNamed(alg)
  const holdsMs = parseDuration(exp)
  if (holdsMs === undefined) {
    throw new InvalidArgumentError({
      subject: `--exp ${JSON.stringify(exp)}`,
      problem: 'is no duration',
      remedy: 'write 24h or 30m',
    })
  }
  const key = await tokenKey(context, given)
  const now = Math.floor(Date.now() / 1_000)
  for (const sub of subjects) {
    const claims = { exp: now + Math.floor(holdsMs / 1_000), iat: now, nbf: now, sub }
    const text = `${encoded({ alg: algorithm.name, typ: 'JWT' })}.${encoded(claims)}`
    const signature = signatureOf(algorithm, key, text).toString('base64url')
    context.stdout.write(`${text}.${signature}\n`)
  }
  return 0
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
