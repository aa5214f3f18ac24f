import type {
  EC2Client,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-ec2'
import type { Command } from '@smithy/types'
import { untilAborted } from '../../libstorage/wait.ts'

type Ec2Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  I,
  ServiceOutputTypes,
  O,
  EC2ClientResolvedConfig
>

/** The `Date` of an answer is in whole seconds, and a moment old: what differs less from our clock says nothing against it. */
const UNCERTAIN_MS = 2_000

/** The requests to EC2 of one service. Its client is made at the first one: which region is meant, the machine may have to be asked. */
export class Ec2 {
  readonly #connect: () => Promise<EC2Client>
  #client: Promise<EC2Client> | undefined
  /** How far EC2's clock is ahead of ours. */
  #aheadMs = 0

  constructor(connect: () => Promise<EC2Client>) {
    this.#connect = connect
  }

  /** EC2's time as its last answer had it, or up to a second before that, in milliseconds since 1970: this machine's clock may be wrong. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  /** Sends a request, and rejects with EC2's own error. An abort ends the wait and starts nothing new. */
  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: Ec2Command<I, O>,
    signal?: AbortSignal,
  ): Promise<O> {
    const client = await untilAborted(this.#connected(), signal)
    const options = signal === undefined ? {} : { abortSignal: signal }
    return await untilAborted(client.send(command, options), signal)
  }

  #connected(): Promise<EC2Client> {
    this.#client ??= this.#connect()
      .then((client) => this.#withClock(client))
      .catch((error: unknown) => {
        this.#client = undefined
        throw error
      })
    return this.#client
  }

  /** Every answer says when it was given, also one that refuses. */
  #withClock(client: EC2Client): EC2Client {
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args)
        this.#heard(dateOf(result.response))
        return result
      },
      { step: 'deserialize', priority: 'low', name: 'ec2Clock' },
    )
    return client
  }

  #heard(date: number | undefined): void {
    if (date === undefined) return
    const aheadMs = date - Date.now()
    this.#aheadMs = Math.abs(aheadMs) > UNCERTAIN_MS ? aheadMs : 0
  }
}

/** The time in the `Date` header of an answer (RFC 9110, 6.6.1), or undefined where there is none. */
function dateOf(response: unknown): number | undefined {
  if (typeof response !== 'object' || response === null || !('headers' in response))
    return undefined
  const { date } = response.headers as Readonly<Record<string, string | undefined>>
  const at = Date.parse(date ?? '')
  return Number.isNaN(at) ? undefined : at
}
