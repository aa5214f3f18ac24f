import { EC2Client } from '@aws-sdk/client-ec2'
import type { EbsSettings } from './config.ts'
import { credentialsOf } from './credentials.ts'
import type { MachineIdentity } from './identity.ts'
import { dnsSuffix, handlerFor } from './transport.ts'

/** Makes the client of one service. The instance's own region counts, as its volumes are there. */
export async function connectEc2(
  settings: EbsSettings,
  identity: Pick<MachineIdentity, 'own'>,
): Promise<EC2Client> {
  const { region } = await identity.own()
  const endpoint = endpointOf(settings, region)
  return new EC2Client({
    region,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
    credentials: await credentialsOf(settings, region),
    maxAttempts: settings.maxRetries + 1,
    retryMode: 'adaptive',
    customUserAgent: [['remora']],
    requestHandler: handlerFor(endpoint),
  })
}

/** The URL of EC2 for a service, as the settings or the region say. */
function endpointOf({ endpoint }: EbsSettings, region: string): string {
  return endpoint ?? `https://ec2.${region}.${dnsSuffix(region)}`
}
