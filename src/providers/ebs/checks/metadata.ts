import type { Check, Finding } from '../../../libstorage/check.ts'
import { askMetadata, type MetadataAnswer } from '../imds.ts'
import type { Examined } from './examined.ts'
import { fail, pass, warn } from './findings.ts'

const TOKEN_HEADERS = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }
const INSTANCE = '/latest/meta-data/instance-id'

/** What the service said to the two questions that tell its faults apart: for a token, and for something without one. */
interface Answers {
  readonly token: MetadataAnswer | undefined
  readonly plain: MetadataAnswer | undefined
}

/** The metadata service of the instance: which versions answer, and what keeps an answer from coming. */
export function metadataCheck(examined: Examined): Check {
  return {
    id: 'ebs.metadata',
    title: 'the metadata service of the instance',
    async run(signal) {
      const [answered, known] = await Promise.all([
        answers(examined, signal),
        knownWithout(examined),
      ])
      const { metadataEndpoint, instanceId } = examined.settings
      const found = asFound(new URL(metadataEndpoint).host, instanceId, answered)
      return found.verdict === 'fail' && known !== undefined
        ? [pass(`${found.seen}; it is not needed, as ${known}`)]
        : [found]
    },
  }
}

async function answers({ settings }: Examined, signal: AbortSignal): Promise<Answers> {
  const asked = (path: string, method: string, headers = {}) =>
    askMetadata(new URL(path, settings.metadataEndpoint), method, headers, signal).catch(
      () => undefined,
    )
  const [token, plain] = await Promise.all([
    asked('/latest/api/token', 'PUT', TOKEN_HEADERS),
    asked(INSTANCE, 'GET'),
  ])
  return { token, plain }
}

/** What of this instance is known all the same, as a clause; undefined where it is too little. */
async function knownWithout({ settings, own }: Examined): Promise<string | undefined> {
  if (settings.region === undefined) return undefined
  return await own().then(
    ({ zone }) =>
      zone === undefined
        ? 'region and instance are known without it, and EC2 says the zone'
        : 'region, zone and instance are known without it',
    () => undefined,
  )
}

function asFound(host: string, id = '<instance id>', { token, plain }: Answers): Finding {
  const service = `the metadata service at ${host}`
  const options = `aws ec2 modify-instance-metadata-options --instance-id ${id}`
  const settings = 'or set ebs.region and ebs.instanceId'
  if (token?.status === 200) {
    const closed = plain?.status === 401 ? ' alone' : ''
    return pass(`${service} answers by version 2${closed}`)
  }
  if (token?.status === 404 || token?.status === 405)
    return plain?.status === 200
      ? warn(
          `${service} answers by version 1 alone, which anything that sends requests from here can read`,
          `${options} --http-tokens required --http-endpoint enabled`,
        )
      : fail(`${service} has no instance to tell of (status ${plain?.status ?? 'none'})`, settings)
  if (token === undefined && plain !== undefined)
    return fail(
      `${service} gives no token, though it is there: its hop limit is too small for this network, such as 1 for a container`,
      `${options} --http-put-response-hop-limit 2`,
      'or run it in the network of the host',
    )
  if (token === undefined)
    return fail(
      `${service} does not answer: it is blocked by a firewall or a route, or this is no instance of EC2`,
      `curl -sS -m 2 -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' http://${host}/latest/api/token`,
      settings,
    )
  return fail(
    `${service} is switched off for this instance (status ${token.status})`,
    `${options} --http-endpoint enabled`,
    settings,
  )
}
