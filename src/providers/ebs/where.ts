import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2'
import type { HttpRequest } from '@smithy/types'
import type { EbsSettings } from './config.ts'

/** Nothing is signed with it that leaves this process. */
const NOBODY = { accessKeyId: 'nobody', secretAccessKey: 'nobody' }

/**
 * The URL to which requests to EC2 go: the settings say it, or the environment (`AWS_ENDPOINT_URL_EC2`,
 * `AWS_USE_FIPS_ENDPOINT`), the shared files, the region. What all these come to, only the SDK knows: it is let make a
 * request, which is not sent.
 */
export async function whereEc2Is({ endpoint }: EbsSettings, region: string): Promise<string> {
  let url = ''
  const requestHandler = {
    handle({ protocol, hostname, port }: HttpRequest): Promise<never> {
      url = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
      return Promise.reject(new Error('where it would go is all that was asked'))
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  }
  const client = new EC2Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    credentials: NOBODY,
    maxAttempts: 1,
    requestHandler,
  })
  await client.send(new DescribeInstancesCommand({})).catch((error: unknown) => {
    if (url === '') throw error
  })
  return url
}
