import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { getProxyForUrl } from 'proxy-from-env'
import type { Check, Finding } from '../../../libstorage/check.ts'
import { systemCode } from '../../../libstorage/errors.ts'
import { isUntrusted } from '../errors.ts'
import { agentsFor } from '../transport.ts'
import { whereEc2Is } from '../where.ts'
import type { Examined } from './examined.ts'
import { fail, pass, saidBy, warn } from './findings.ts'

/** AWS refuses requests that are older than this (AWS General Reference, "Signature Version 4"); clients of its own correct it. */
const REFUSED_MS = 300_000
const NOTED_MS = 60_000

interface Reached {
  readonly tookMs: number
  /** The time of the service less that of this machine, in milliseconds; undefined where it does not tell. */
  readonly aheadMs: number | undefined
}

/** Whether EC2 can be reached, and whether its clock and that of this machine agree. */
export function endpointChecks(examined: Examined): readonly Check[] {
  let reached: Reached | undefined
  return [
    {
      id: 'ebs.endpoint',
      title: 'the way to EC2',
      after: ['ebs.metadata', 'ebs.identity'],
      async run(signal) {
        const { region } = await examined.own()
        const url = await whereEc2Is(examined.settings, region)
        const proxy = getProxyForUrl(url)
        const by = proxy === '' ? '' : ` by the proxy ${new URL(proxy).host}`
        try {
          reached = await examined.within('EC2', (limit) => reach(url, limit), signal)
          return [pass(`${url} answers${by} within ${Math.max(1, Math.round(reached.tookMs))} ms`)]
        } catch (error) {
          return [unreached(`${url}${by}`, error)]
        }
      },
    },
    {
      id: 'ebs.clock',
      title: 'the clock of this machine',
      after: ['ebs.metadata', 'ebs.identity', 'ebs.endpoint'],
      run: async () => [judgedClock(reached?.aheadMs)],
    },
  ]
}

/** Any answer will do: nothing is asked for, and nothing is signed. */
function reach(endpoint: string, signal: AbortSignal): Promise<Reached> {
  const url = new URL(endpoint)
  const { httpAgent, httpsAgent } = agentsFor(endpoint)
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    const isPlain = url.protocol === 'http:'
    const options = { method: 'GET', signal, agent: isPlain ? httpAgent : httpsAgent }
    const asked = isPlain ? requestHttp(url, options) : requestHttps(url, options)
    asked.once('error', reject)
    asked.once('response', (response) => {
      const time = Date.parse(response.headers.date ?? '')
      const aheadMs = Number.isNaN(time) ? undefined : time - Date.now()
      resolve({ tookMs: performance.now() - begun, aheadMs })
      // A connection that is kept open would keep the process.
      response.destroy()
      asked.destroy()
    })
    asked.end()
  })
}

function unreached(endpoint: string, error: unknown): Finding {
  const code = systemCode(error) ?? ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return fail(
      `${endpoint} has no address: ${saidBy(error)}`,
      'correct ebs.region or ebs.endpoint, or the name service of this machine',
    )
  if (isUntrusted(error))
    return fail(
      `${endpoint} shows a certificate that is not trusted here: ${saidBy(error)}`,
      'give NODE_EXTRA_CA_CERTS the certificates of the one who signed it',
    )
  return fail(
    `${endpoint} cannot be reached: ${saidBy(error)}`,
    'open the way there: security group, route, VPC endpoint of ec2, HTTPS_PROXY and NO_PROXY',
    'or set ebs.endpoint to one that can be reached',
  )
}

function judgedClock(aheadMs: number | undefined): Finding {
  if (aheadMs === undefined) return pass('EC2 does not tell its time')
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  const seen = `the clock of this machine is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} that of EC2`
  const remedies = ['timedatectl set-ntp true', 'chronyc makestep'] as const
  if (Math.abs(aheadMs) >= REFUSED_MS)
    return fail(`${seen}, and AWS refuses what differs so much`, ...remedies)
  if (Math.abs(aheadMs) >= NOTED_MS) return warn(seen, ...remedies)
  return pass(`the clock of this machine agrees with that of EC2`)
}
