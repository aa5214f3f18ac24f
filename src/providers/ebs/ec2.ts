import type {
  EC2Client,
  EC2ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-ec2'
import type { Command } from '@smithy/types'
import { sleep, untilAborted } from '../../libstorage/wait.ts'
import {
  areCredentialsRefused,
  ec2Code,
  isThrottled,
  isTransient,
  isUnknownOutcome,
  noteRepeats,
  repeatsOf,
  saidIn,
} from './errors.ts'
import { PlatformClock } from './platform-clock.ts'
import { forgetRequest } from './signed-requests.ts'
import { requireWholeAnswers } from './whole-answers.ts'

type Ec2Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  I,
  ServiceOutputTypes,
  O,
  EC2ClientResolvedConfig
>

/** How long a request that EC2 throttles is repeated, a little less than the longest that anybody waits, in milliseconds. */
const THROTTLED_MS = 100_000
/** The pause after the client has given up its own repeats. */
const PAUSE_MS = 5_000

/** How often credentials are looked for anew at most while AWS refuses them, in milliseconds. */
const RENEWAL_MS = 10_000

/** What makes something anew whenever it is asked for, and has no token for its repeats. */
const UNREPEATABLE: ReadonlySet<string | undefined> = new Set([
  'CreateSnapshotCommand',
  'CopySnapshotCommand',
])

/** Nothing that the client repeats: whether what was asked for is done, its sender has to see first. */
class LostAnswer extends Error {
  readonly lost: unknown

  constructor(lost: unknown) {
    super('the answer was lost')
    this.lost = lost
  }
}

/** The requests to EC2 of one service. Its client is made at the first one: which region is meant, the machine may have to be asked. */
export class Ec2 {
  readonly clock = new PlatformClock()
  readonly #connect: () => Promise<EC2Client>
  #client: Promise<EC2Client> | undefined
  #hindrance: string | undefined
  /** When credentials may be looked for anew, as `performance.now()` has it. */
  #renewableAt = 0

  constructor(connect: () => Promise<EC2Client>) {
    this.#connect = connect
  }

  /** What EC2 last answered, or how it last failed to, if that was asked again in silence. */
  get hindrance(): string | undefined {
    return this.#hindrance
  }

  /**
   * Sends a request, and rejects with EC2's own error. One that EC2 throttles it did not carry out: that is repeated for as
   * long as a caller waits, since nobody knows how many others ask EC2 at the same time. So it is with one whose credentials
   * are refused, once there may be others. What has no token is not repeated once its outcome is unknown. An abort ends the
   * wait and starts nothing new.
   */
  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: Ec2Command<I, O>,
    signal?: AbortSignal,
  ): Promise<O> {
    const options = signal === undefined ? {} : { abortSignal: signal }
    const deadline = performance.now() + THROTTLED_MS
    for (let repeats = 0; ; ) {
      const connected = this.#connected()
      const client = await untilAborted(connected, signal)
      try {
        return await untilAborted(client.send(command, options), signal)
      } catch (failure) {
        const error = saidOf(failure)
        repeats += repeatsOf(error)
        // What the client repeated before may have been done, also where the last answer is that to a single request.
        noteRepeats(error, repeats)
        if (this.#hasOthers(error, connected)) continue
        if (!isThrottled(error) || performance.now() + PAUSE_MS > deadline) throw error
        await sleep(PAUSE_MS, signal)
      }
    }
  }

  /** Ends its connections; nothing is sent afterwards. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    client?.destroy()
  }

  /** Whether credentials were refused and there may be others: a client keeps its own for as long as it lives. */
  #hasOthers(error: unknown, used: Promise<EC2Client>): boolean {
    if (!areCredentialsRefused(error)) return false
    if (used !== this.#client) return true
    if (performance.now() < this.#renewableAt) return false
    this.#renewableAt = performance.now() + RENEWAL_MS
    this.#client = undefined
    return true
  }

  #connected(): Promise<EC2Client> {
    this.#client ??= this.#connect()
      .then((client) => requireWholeAnswers(this.#watched(client)))
      .catch((error: unknown) => {
        this.#client = undefined
        throw error
      })
    return this.#client
  }

  /** Every answer says when it was given, also one that refuses; the client itself repeats what was refused for the moment. */
  #watched(client: EC2Client): EC2Client {
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          try {
            const result = await next(args)
            this.#hindrance = undefined
            return result
          } catch (error) {
            this.#hindrance = isTransient(error) ? hindranceOf(error) : undefined
            const isLost = UNREPEATABLE.has(commandName) && isUnknownOutcome(error)
            throw isLost ? new LostAnswer(error) : error
          }
        },
      { step: 'finalizeRequest', priority: 'low', name: 'ec2Attempt' },
    )
    client.middlewareStack.add(
      (next) => async (args) => {
        const asked = performance.now()
        const result = await next(args)
        const date = dateOf(result.response)
        if (date !== undefined) this.clock.heard(date, performance.now() - asked)
        return result
      },
      { step: 'deserialize', priority: 'low', name: 'ec2Clock' },
    )
    return client
  }
}

/** What a request failed with, as it may be logged. */
function saidOf(failure: unknown): unknown {
  const error = failure instanceof LostAnswer ? failure.lost : failure
  forgetRequest(error)
  return error
}

function hindranceOf(error: unknown): string {
  const code = ec2Code(error)
  return code === undefined ? `EC2 does not answer (${saidIn(error)})` : `EC2 answers ${code}`
}

/** The time in the `Date` header of an answer (RFC 9110, 6.6.1), or undefined where there is none. */
function dateOf(response: unknown): number | undefined {
  if (typeof response !== 'object' || response === null || !('headers' in response))
    return undefined
  const { date } = response.headers as Readonly<Record<string, string | undefined>>
  const at = Date.parse(date ?? '')
  return Number.isNaN(at) ? undefined : at
}
