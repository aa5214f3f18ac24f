import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { getProxyForUrl } from 'proxy-from-env'

const CONNECT_MS = 3_000
/** EC2 answers within a second or two; what takes longer is asked again. */
const ANSWER_MS = 15_000
const SOCKETS = 50

/** What carries requests to an endpoint, by way of the proxy that the environment names for it. */
export function handlerFor(endpoint: string): NodeHttpHandler {
  return new NodeHttpHandler({
    connectionTimeout: CONNECT_MS,
    requestTimeout: ANSWER_MS,
    throwOnRequestTimeout: true,
    ...agentsFor(endpoint),
  })
}

type Request = Parameters<NodeHttpHandler['handle']>

/**
 * Carries each request by way of the proxy that the environment names for the URL that the request goes to: which one that
 * is, the settings, the environment and the shared files say together, and only the SDK knows what they come to.
 */
export class RoutedHandler extends NodeHttpHandler {
  readonly #byOrigin = new Map<string, NodeHttpHandler>()

  override handle(...[request, options]: Request): ReturnType<NodeHttpHandler['handle']> {
    const { protocol, hostname, port } = request
    const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
    const known = this.#byOrigin.get(origin) ?? handlerFor(origin)
    this.#byOrigin.set(origin, known)
    return known.handle(request, options)
  }

  override destroy(): void {
    for (const handler of this.#byOrigin.values()) handler.destroy()
    this.#byOrigin.clear()
    super.destroy()
  }
}

/** The URL of STS in a region. */
export function stsUrl(region: string): string {
  return `https://sts.${region}.${dnsSuffix(region)}`
}

/** What the names of all services of a region end in (AWS General Reference, "Service endpoints"). */
export function dnsSuffix(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}

/** The agents for the proxy that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), or for none. */
export function agentsFor(endpoint: string): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const proxy = getProxyForUrl(endpoint)
  const options = { keepAlive: true, maxSockets: SOCKETS }
  return {
    httpAgent: proxy === '' ? new HttpAgent(options) : new HttpProxyAgent(proxy, options),
    httpsAgent: proxy === '' ? new HttpsAgent(options) : new HttpsProxyAgent(proxy, options),
  }
}
