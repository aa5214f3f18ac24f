import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Region } from './region.ts'
import type { SimInstance } from './resources.ts'
import { profileArn } from './views.ts'

/** How the service of an instance is configured. */
export interface MetadataOptions {
  /** `required`: version 2 only. */
  tokens: 'required' | 'optional'
  /** What asking for a token comes to: 404 and 405 as older services have it, `silent` where the hop limit drops the answer. */
  tokenPath: 'works' | 404 | 405 | 'silent'
  /** Switched off: everything is refused. */
  isEnabled: boolean
  /** Nothing is answered at all. */
  isSilent: boolean
}

/** What the service gives out of the role of the instance. */
export interface RoleCredentials {
  readonly role: string
  readonly accessKeyId: string
  readonly secret: string
  readonly token: string
  readonly expiresAt: Date
}

type Answer = readonly [status: number, text?: string]

const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds'
const TTL_MAX_S = 21_600

/** The instance metadata service of one instance, versions 1 and 2. */
export class MetadataServer {
  readonly options: MetadataOptions = {
    tokens: 'required',
    tokenPath: 'works',
    isEnabled: true,
    isSilent: false,
  }
  /** The credentials of its role; an instance may have a profile that gives none. */
  credentials: RoleCredentials | undefined
  /** Method and path of every request, in order. */
  readonly requests: string[] = []
  readonly #server: Server
  readonly #region: Region
  readonly #instanceId: string
  readonly #tokens = new Map<string, number>()

  private constructor(region: Region, instanceId: string) {
    this.#region = region
    this.#instanceId = instanceId
    this.#server = createServer((request, response) => this.#serve(request, response))
  }

  static async start(region: Region, instanceId: string): Promise<MetadataServer> {
    const started = new MetadataServer(region, instanceId)
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

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request
    this.requests.push(`${method} ${url}`)
    const { isSilent, tokenPath } = this.options
    const isForToken = url === '/latest/api/token'
    if (isSilent || (isForToken && tokenPath === 'silent')) return
    const [status, text = ''] = isForToken ? this.#giveToken(request) : this.#read(request)
    response.writeHead(status, { 'content-type': 'text/plain' })
    response.end(text)
  }

  #giveToken({ method, headers }: IncomingMessage): Answer {
    const { tokenPath, isEnabled } = this.options
    if (!isEnabled) return [403]
    if (typeof tokenPath === 'number') return [tokenPath]
    if (method !== 'PUT') return [405]
    // What came through a proxy gets no token.
    if (headers['x-forwarded-for'] !== undefined) return [403]
    const ttl = Number(headers[TTL_HEADER] ?? Number.NaN)
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > TTL_MAX_S) return [400]
    const token = randomUUID()
    this.#tokens.set(token, this.#region.clock.now() + ttl * 1_000)
    return [200, token]
  }

  #read(request: IncomingMessage): Answer {
    const refusal = this.options.isEnabled ? this.#refusal(request) : 403
    if (refusal !== undefined) return [refusal]
    if (request.method !== 'GET') return [405]
    const text = this.#text(request.url ?? '')
    return text === undefined ? [404] : [200, text]
  }

  #refusal(request: IncomingMessage): number | undefined {
    const token = request.headers['x-aws-ec2-metadata-token']
    if (token === undefined) return this.options.tokens === 'required' ? 401 : undefined
    const until = this.#tokens.get(String(token)) ?? 0
    return until > this.#region.clock.now() ? undefined : 401
  }

  #text(url: string): string | undefined {
    const instance = this.#region.instance(this.#instanceId)
    if (url === '/latest/dynamic/instance-identity/document') return this.#document(instance)
    const name = /^\/latest\/meta-data\/(.*?)\/?$/.exec(url)?.[1]
    const values: Readonly<Record<string, string>> = {
      ...this.#iam(instance),
      'instance-id': instance.id,
      'instance-type': instance.type,
      'placement/availability-zone': instance.zone,
      'placement/region': this.#region.name,
      'network/interfaces/macs': '0e:49:61:0f:c3:11/',
      'block-device-mapping': 'ami\nroot',
      'block-device-mapping/root': '/dev/xvda',
    }
    return name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined
  }

  #iam({ profile }: SimInstance): Readonly<Record<string, string>> {
    if (profile === undefined) return {}
    const InstanceProfileArn = profileArn(this.#region, profile)
    const info = { Code: 'Success', InstanceProfileArn, InstanceProfileId: 'AIPAEXAMPLE' }
    const { credentials } = this
    if (credentials === undefined) return { 'iam/info': JSON.stringify(info) }
    const { role, accessKeyId, secret, token, expiresAt } = credentials
    return {
      'iam/info': JSON.stringify(info),
      'iam/security-credentials': role,
      [`iam/security-credentials/${role}`]: JSON.stringify({
        Code: 'Success',
        Type: 'AWS-HMAC',
        AccessKeyId: accessKeyId,
        SecretAccessKey: secret,
        Token: token,
        Expiration: expiresAt.toISOString(),
      }),
    }
  }

  #document({ id, type, zone }: SimInstance): string {
    return JSON.stringify({
      accountId: this.#region.accountId,
      architecture: 'x86_64',
      availabilityZone: zone,
      instanceId: id,
      instanceType: type,
      region: this.#region.name,
      version: '2017-09-30',
    })
  }
}
