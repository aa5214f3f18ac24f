import type { EC2Client } from '@aws-sdk/client-ec2'
import * as z from 'zod'
import { timeLimit, untilAborted } from '../../libstorage/wait.ts'
import type { EbsSettings } from './config.ts'
import { credentialsOf } from './credentials.ts'
import type { MachineIdentity } from './identity.ts'
import { RoutedHandler } from './transport.ts'

/** What EC2 appends to a refusal, for STS to decode. */
const ENCODED = /[.\s]*Encoded authorization failure message: *(\S+)\s*$/
/** How long a refusal waits for its reason. */
const DECODE_MS = 3_000
/** After this long it is tried again whether STS decodes for this caller, in milliseconds. */
const RETRY_MS = 600_000

const decisionSchema = z.object({
  explicitDeny: z.boolean(),
  matchedStatements: z.object({ items: z.array(z.object({ statementId: z.string() })).nullish() }),
  context: z.object({ action: z.string(), resource: z.string() }),
})

/** Says why a request was refused, as a clause; undefined where that cannot be had. */
export type Decode = (encoded: string) => Promise<string | undefined>

/** Lets refusals of a client say why in words, where they can be had, in place of what is encoded. */
export function explainDenials(client: EC2Client, decode: Decode): EC2Client {
  let nextAt = 0
  const explain = async (refusal: Error, encoded: string) => {
    if (performance.now() < nextAt) return
    const why = await decode(encoded)
    if (why === undefined) nextAt = performance.now() + RETRY_MS
    else refusal.message = refusal.message.replace(ENCODED, ` (${why})`)
  }
  client.middlewareStack.add(
    (next) => (args) =>
      next(args).catch(async (error: unknown) => {
        const encoded = error instanceof Error ? ENCODED.exec(error.message)?.[1] : undefined
        if (error instanceof Error && encoded !== undefined) await explain(error, encoded)
        throw error
      }),
    { step: 'initialize', priority: 'high', name: 'ec2Denials' },
  )
  return client
}

/** Has STS decode (`sts:DecodeAuthorizationMessage`). Whoever may not ask that, or cannot reach it, has EC2's own words. */
export function decodeBySts(settings: EbsSettings, identity: Pick<MachineIdentity, 'own'>): Decode {
  return async (encoded) => {
    const limit = timeLimit(DECODE_MS)
    const asked = decoded(settings, await identity.own(), encoded, limit)
    return await untilAborted(asked, limit).catch(() => undefined)
  }
}

async function decoded(
  settings: EbsSettings,
  { region }: { readonly region: string },
  EncodedMessage: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const [{ DecodeAuthorizationMessageCommand, STSClient }, credentials] = await Promise.all([
    import('@aws-sdk/client-sts'),
    credentialsOf(settings, region),
  ])
  const sts = new STSClient({
    region,
    credentials,
    maxAttempts: 1,
    customUserAgent: [['remora']],
    requestHandler: new RoutedHandler(),
  })
  const request = new DecodeAuthorizationMessageCommand({ EncodedMessage })
  const { DecodedMessage = '' } = await sts.send(request, { abortSignal })
  return reasonIn(DecodedMessage)
}

/** The reason as STS has it (IAM User Guide, "Understand API authorization failure messages"). */
function reasonIn(message: string): string {
  const { explicitDeny, matchedStatements, context } = decisionSchema.parse(JSON.parse(message))
  const what = `${context.action} on ${context.resource}`
  const [by] = matchedStatements.items ?? []
  const named = by === undefined || by.statementId === '' ? '' : ` ${by.statementId}`
  return explicitDeny ? `statement${named} denies ${what}` : `no statement allows ${what}`
}
