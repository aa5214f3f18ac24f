import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { perform } from './actions.ts'
import { ApiError } from './api-error.ts'
import { authorize, callerOf } from './authorization.ts'
import { type Buckets, throttled } from './buckets.ts'
import type { Fault, Faults } from './faults.ts'
import { Form } from './form.ts'
import type { Region } from './region.ts'
import { errorXml, responseXml } from './xml.ts'

/** One request as it arrived, and what came of it. */
export interface ApiCall {
  readonly action: string
  readonly parameters: Readonly<Record<string, string>>
  /** When it arrived, in milliseconds since 1970. */
  readonly at: number
  /** `ok`, the code of a refusal, or what went wrong with it. */
  outcome: string
}

interface Reply {
  readonly requestId: string
  readonly status: number
  readonly body: string
}

/** The query protocol of EC2 over HTTP. */
export class QueryServer {
  readonly calls: ApiCall[] = []
  readonly #server: Server
  readonly #region: Region
  readonly #buckets: Buckets
  readonly #faults: Faults

  private constructor(region: Region, buckets: Buckets, faults: Faults) {
    this.#region = region
    this.#buckets = buckets
    this.#faults = faults
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        console.error(error)
        response.destroy()
      })
    })
  }

  static async start(region: Region, buckets: Buckets, faults: Faults): Promise<QueryServer> {
    const started = new QueryServer(region, buckets, faults)
    await new Promise<void>((resolve) => started.#server.listen(0, '127.0.0.1', resolve))
    return started
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    const form = Form.parse(body)
    const action = form.text('Action') ?? ''
    const call: ApiCall = { action, parameters: form.entries(), at: Date.now(), outcome: '' }
    this.calls.push(call)
    const fault = this.#faults.take(action)
    if (isLost(fault)) {
      call.outcome = fault?.kind ?? ''
      if (fault?.kind === 'drop') request.socket.destroy()
      return
    }
    const reply = this.#answer(request, body, call, fault)
    if (fault?.kind === 'slow') await this.#pause(fault.ms)
    if (fault?.kind === 'drop') {
      request.socket.destroy()
      return
    }
    response.writeHead(reply.status, {
      'content-type': 'text/xml;charset=UTF-8',
      'x-amzn-requestid': reply.requestId,
      date: new Date(this.#region.serviceTime()).toUTCString(),
    })
    response.end(reply.body)
  }

  #answer(request: IncomingMessage, body: string, call: ApiCall, fault: Fault | undefined): Reply {
    const requestId = randomUUID()
    const form = Form.parse(body)
    const { account } = this.#region
    try {
      requireSignature(request, this.#region)
      const caller = account && callerOf(this.#region, account, request, body)
      refuseBy(fault)
      this.#buckets.take(call.action, form)
      if (account && caller) authorize(this.#region, account, caller, form)
      const content = perform(this.#region, form)
      call.outcome = fault?.kind === 'drop' ? 'dropped after' : 'ok'
      return { requestId, status: 200, body: responseXml(call.action, requestId, content) }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      call.outcome = error.code
      return {
        requestId,
        status: error.status,
        body: errorXml(error.code, error.message, requestId),
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#region.clock.after(ms, resolve))
  }
}

function isLost(fault: Fault | undefined): boolean {
  return fault?.kind === 'hang' || (fault?.kind === 'drop' && fault.when === 'before')
}

function refuseBy(fault: Fault | undefined): void {
  if (fault?.kind === 'throttle') throw throttled()
  if (fault?.kind === 'error')
    throw new ApiError(fault.code, fault.message ?? 'An error was asked for.', fault.status)
}

/** Who signed for another region, or not at all, is not let in. */
function requireSignature(request: IncomingMessage, { name }: Region): void {
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\/ec2\//.exec(request.headers.authorization ?? '')
  if (scope?.[1] === name) return
  throw new ApiError(
    'AuthFailure',
    `Credential should be scoped to a valid region, not '${scope?.[1] ?? 'none'}'.`,
    401,
  )
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
