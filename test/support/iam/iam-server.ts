import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ApiError } from '../ec2/api-error.ts'
import { Faults } from '../ec2/faults.ts'
import { Form } from '../ec2/form.ts'
import { elements, type Xml } from '../ec2/xml.ts'
import type { AccessKey, IamAccount } from './account.ts'
import { assumeByToken, performIam } from './actions.ts'
import { describeKey } from './kms.ts'
import { type SignatureFlaw, signer } from './signature.ts'

/** How STS and IAM say what is wrong with a signature. */
const FLAWS: Readonly<Record<SignatureFlaw, readonly [code: string, message: string]>> = {
  missing: ['MissingAuthenticationToken', 'Request is missing Authentication Token'],
  'unknown key': ['InvalidClientTokenId', 'The security token included in the request is invalid.'],
  'wrong secret': [
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
  ],
  'wrong token': ['InvalidClientTokenId', 'The security token included in the request is invalid.'],
  expired: ['ExpiredToken', 'The security token included in the request is expired'],
  'wrong time': ['SignatureDoesNotMatch', 'Signature expired'],
}

const NAMESPACES = {
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
}

const BY_TOKEN = 'AssumeRoleWithWebIdentity'

interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** STS, IAM and the little of KMS that is needed, for one account, over HTTP: who is asked says the scope of the signature. */
export class IamServer {
  readonly account: IamAccount
  readonly faults = new Faults()
  /** Every action that was asked for, in order. */
  readonly calls: string[] = []
  readonly #server: Server
  readonly #now: () => number

  private constructor(account: IamAccount, now: () => number) {
    this.account = account
    this.#now = now
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        console.error(error)
        response.destroy()
      })
    })
  }

  static async start(account: IamAccount, now: () => number = Date.now): Promise<IamServer> {
    const started = new IamServer(account, now)
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
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    const target = request.headers['x-amz-target']
    const action = Form.parse(body).text('Action') ?? String(target ?? '')
    this.calls.push(action)
    const fault = this.faults.take(action)
    if (fault?.kind === 'hang') return
    const reply = this.#answer(request, body, fault?.kind === 'error' ? fault : undefined)
    response.writeHead(reply.status, { 'content-type': reply.type })
    response.end(reply.body)
  }

  #answer(
    request: IncomingMessage,
    body: string,
    fault:
      | { readonly code: string; readonly status: number; readonly message?: string }
      | undefined,
  ): Reply {
    const isKms = request.headers['x-amz-target'] !== undefined
    try {
      if (fault !== undefined)
        throw new ApiError(fault.code, fault.message ?? 'An error was asked for.', fault.status)
      const form = Form.parse(body)
      if (form.text('Action') === BY_TOKEN)
        return this.#answerWith('sts', BY_TOKEN, assumeByToken(this.account, form))
      const caller = this.#callerOf(request, body)
      if (!isKms) return this.#answerForm(request, form, caller)
      const answer = describeKey(this.account, caller, JSON.parse(body))
      return { status: 200, type: 'application/x-amz-json-1.1', body: JSON.stringify(answer) }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      return isKms ? jsonError(error) : xmlError(error)
    }
  }

  #callerOf(request: IncomingMessage, body: string): AccessKey {
    const found = signer(this.account, request, body, this.#now())
    if (typeof found === 'object') return found
    const [code, message] = FLAWS[found]
    throw new ApiError(code, message, 403)
  }

  #answerForm(request: IncomingMessage, form: Form, caller: AccessKey): Reply {
    const service = /\/sts\/aws4_request/.test(request.headers.authorization ?? '') ? 'sts' : 'iam'
    const action = form.text('Action') ?? ''
    return this.#answerWith(service, action, performIam(service, this.account, form, caller))
  }

  #answerWith(
    service: 'sts' | 'iam',
    action: string,
    content: { readonly [name: string]: Xml },
  ): Reply {
    const answer = {
      [`${action}Result`]: content,
      ResponseMetadata: { RequestId: randomUUID() },
    }
    const inside = elements(answer, 'member')
    const body = `<${action}Response xmlns="${NAMESPACES[service]}">${inside}</${action}Response>`
    return { status: 200, type: 'text/xml', body }
  }
}

function xmlError({ code, message, status }: ApiError): Reply {
  const error = { Type: 'Sender', Code: code, Message: message }
  const inside = elements({ Error: error, RequestId: randomUUID() }, 'member')
  return { status, type: 'text/xml', body: `<ErrorResponse>${inside}</ErrorResponse>` }
}

function jsonError({ code, message, status }: ApiError): Reply {
  const body = JSON.stringify({ __type: code, message })
  return { status, type: 'application/x-amz-json-1.1', body }
}
