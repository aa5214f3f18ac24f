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

/** The requests to EC2 of one service. Its client is made at the first one: which region is meant, the machine may have to be asked. */
export class Ec2 {
  readonly #connect: () => Promise<EC2Client>
  #client: Promise<EC2Client> | undefined

  constructor(connect: () => Promise<EC2Client>) {
    this.#connect = connect
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
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined
      throw error
    })
    return this.#client
  }
}
