import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SimHost } from './host.ts'
import { ApiError, SimLock, SimMedium, type SimSlot } from './model.ts'
import { type Given, operations } from './operations.ts'
import { BadReference, Sessions } from './sessions.ts'
import { answerXml, type Element, faultXml, NoSuchOperation, parseRequest, Refusal } from './xml.ts'

/** How a web service differs from one of today that takes anybody. */
export interface ServiceOptions {
  /** Who may log on. */
  readonly user?: { readonly name: string; readonly password: string }
  /** The API version as it says it. */
  readonly version?: string
  /** Key and certificate in PEM: then it speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** One way in to the service, as one client process has it: a path of its own. */
export class Entrance {
  /** The operations that came through it, in their order. */
  readonly calls: string[] = []
  readonly endpoint: string
  #isCutAt: (operation: string) => boolean = () => false
  isCut = false
  #expiry = 0

  constructor(endpoint: string) {
    this.endpoint = endpoint
  }

  /** The client's process dies when so many more calls are done: the answer is lost, and it asks for nothing more. */
  dieAfter(calls: number): void {
    const last = this.calls.length + calls
    this.#isCutAt = () => this.calls.length === last
  }

  /** The client's process dies when the next operation of this name is done. */
  dieAfterThe(operation: string): void {
    this.#isCutAt = (asked) => asked === operation
  }

  /** The web session ends when so many more calls are answered. */
  expireAfter(calls: number): void {
    this.#expiry = this.calls.length + calls
  }

  /** Whether it is over by now. */
  get isExpired(): boolean {
    return this.calls.length === this.#expiry
  }

  /** Notes a call. Returns whether it is done, and whether its answer is given. */
  next(operation: string): 'answered' | 'done' | 'neither' {
    if (this.isCut) return 'neither'
    this.calls.push(operation)
    this.isCut = this.#isCutAt(operation)
    return this.isCut ? 'done' : 'answered'
  }
}

/** `vboxwebsrv` before a {@link SimHost}. */
export class SimWebService {
  readonly host: SimHost
  readonly sessions = new Sessions()
  /** What is answered instead to operations of these names, once each. */
  readonly faults = new Map<string, (() => Error | 'lost')[]>()
  readonly #options: ServiceOptions
  readonly #entrances: Entrance[] = []
  #origin: Promise<string> | undefined
  #server: Server | undefined
  /** Waited for before an operation of this name is done. */
  readonly gates = new Map<string, Promise<void>>()

  constructor(host: SimHost, options: ServiceOptions = {}) {
    this.host = host
    this.#options = options
    host.disks.hasCopyDefect = this.#version === '7_2'
  }

  /** Opens a way in of its own. */
  async open(): Promise<Entrance> {
    this.#origin ??= this.#listen()
    const origin = await this.#origin
    const entrance = new Entrance(`${origin}/${this.#entrances.length}`)
    this.#entrances.push(entrance)
    return entrance
  }

  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }

  async #listen(): Promise<string> {
    const { tls } = this.#options
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response)
    const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
    this.#server = server
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  }

  /** Answers an operation with an error once, or does it and loses the answer. */
  failNext(operation: string, error: () => Error | 'lost'): void {
    this.faults.set(operation, [...(this.faults.get(operation) ?? []), error])
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entrance = this.#entrances[Number(request.url?.slice(1))]
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const asked = parseRequest(Buffer.concat(chunks).toString())
    if (asked === undefined || entrance === undefined) return void response.destroy()
    const becomes = entrance.next(asked.operation)
    if (becomes === 'neither') return
    await this.gates.get(asked.operation)
    const fault = this.faults.get(asked.operation)?.shift()?.()
    const { status, body } =
      fault instanceof Error
        ? { status: 500, body: faultXml(fault, '') }
        : this.#answer(asked.operation, asked.args)
    if (entrance.isExpired) this.sessions.end()
    if (fault === 'lost') return void response.destroy()
    if (becomes === 'done') return
    response.writeHead(status, { 'content-type': 'text/xml; charset=utf-8', server: 'gSOAP/2.8' })
    response.end(body)
  }

  #answer(
    operation: string,
    args: Readonly<Record<string, string | readonly string[]>>,
  ): { status: number; body: string } {
    try {
      const elements = this.#do(operation, args)
      if (this.host.died !== undefined && !operation.startsWith('IWebsessionManager'))
        throw new ApiError(0x80004004, '')
      return { status: 200, body: answerXml(operation, elements) }
    } catch (error) {
      const session = String(args['_this'] ?? '').slice(0, 16)
      const info =
        error instanceof ApiError && session !== '' && this.host.died === undefined
          ? this.#refer(session, { kind: 'IVirtualBoxErrorInfo', text: error.message })
          : ''
      return { status: 500, body: faultXml(error, info) }
    }
  }

  #do(
    operation: string,
    args: Readonly<Record<string, string | readonly string[]>>,
  ): readonly Element[] {
    switch (operation) {
      case 'IWebsessionManager_logon':
        return [['returnval', this.#logon(String(args['username']), String(args['password']))]]
      case 'IWebsessionManager_logoff':
        this.sessions.end(String(args['refIVirtualBox']))
        return []
      case 'IWebsessionManager_getSessionObject':
        return [['returnval', this.#newLock(String(args['refIVirtualBox']))]]
      case 'IManagedObjectRef_release':
        this.sessions.release(String(args['_this']))
        return []
      case 'IVirtualBox_getAPIVersion':
        return [['returnval', this.#version]]
      case 'IVirtualBox_getVersion':
        return [['returnval', `${this.#version.replace('_', '.')}.22`]]
      // Of anything that is no reference too.
      case 'IManagedObjectRef_getInterfaceName':
        return [['returnval', '']]
      default:
        return this.#operate(operation, args)
    }
  }

  #logon(name: string, password: string): string {
    if (this.host.died !== undefined) return ''
    const { user } = this.#options
    if (user !== undefined && (user.name !== name || user.password !== password))
      throw new Refusal()
    return this.sessions.begin()
  }

  #newLock(root: string): string {
    this.sessions.lookUp(root)
    return this.#refer(root.slice(0, 16), new SimLock())
  }

  #operate(
    operation: string,
    args: Readonly<Record<string, string | readonly string[]>>,
  ): readonly Element[] {
    const given: Given = Object.fromEntries(
      Object.entries(args).map(([name, value]) => [name, this.#lookedUp(name, value)]),
    )
    const work = operations[operation]
    if (work === undefined) throw new NoSuchOperation(operation)
    if (this.host.died !== undefined) throw new ApiError(0x80004004, '')
    if (operation === 'IMedium_setDescription' && this.#isOld()) throw new ApiError(0x80004001, '')
    return this.#elements(String(args['_this']).slice(0, 16), work(this.host, given))
  }

  /** Versions whose descriptions of disks cannot be set, as far as their source tells. */
  #isOld(): boolean {
    return Number.parseInt(this.#version, 10) < 6
  }

  get #version(): string {
    return this.#options.version ?? '7_2'
  }

  #lookedUp(name: string, value: string | readonly string[]): unknown {
    if (typeof value !== 'string') return value
    if (name === '_this' || this.sessions.isReference(value)) return this.sessions.lookUp(value)
    return value
  }

  #elements(session: string, answer: unknown): readonly Element[] {
    if (answer === undefined) return []
    if (answer instanceof Map) {
      const entries = [...answer] as [string, string][]
      return [
        ...entries.map(([name]) => ['returnNames', name] as const),
        ...entries.map(([, value]) => ['returnval', value] as const),
      ]
    }
    const values: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
    return values.map((value) => ['returnval', this.#written(session, value)] as const)
  }

  #written(session: string, value: unknown): string | readonly Element[] {
    if (typeof value !== 'object' || value === null) return String(value)
    if ('controller' in value) return this.#slot(session, value as SimSlot)
    return this.#refer(session, value)
  }

  #slot(session: string, slot: SimSlot): readonly Element[] {
    const medium = slot.medium instanceof SimMedium ? this.#refer(session, slot.medium) : ''
    return [
      // The machine was added in 6.1, before all others.
      ...(this.#isOld() ? [] : [['machine', ''] as const]),
      ['medium', medium],
      ['controller', slot.controller],
      ['port', String(slot.port)],
      ['device', String(slot.device)],
      ['type', slot.type],
      ['passthrough', 'false'],
      ['hotPluggable', String(slot.hotPluggable)],
      ['bandwidthGroup', ''],
    ]
  }

  #refer(session: string, object: object): string {
    try {
      return this.sessions.referTo(session, object)
    } catch (error) {
      if (error instanceof BadReference) return ''
      throw error
    }
  }
}
