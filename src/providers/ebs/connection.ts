import { EC2Client } from '@aws-sdk/client-ec2'
import type { EbsSettings } from './config.ts'
import { credentialsOf } from './credentials.ts'
import type { MachineIdentity } from './identity.ts'
import { RoutedHandler } from './transport.ts'

/** A region other than the instance's own. */
export interface OtherRegion {
  readonly region: string
  /** The URL of EC2 there; by default that of AWS. */
  readonly endpoint?: string | undefined
}

/**
 * Makes the client of one service. The instance's own region counts, as its volumes are there, unless another one is meant;
 * credentials are those of its own in any case.
 */
export async function connectEc2(
  ofService: EbsSettings,
  identity: Pick<MachineIdentity, 'own'>,
  other?: OtherRegion,
): Promise<EC2Client> {
  const { region: own } = await identity.own()
  const region = other?.region ?? own
  const settings = other === undefined ? ofService : { ...ofService, endpoint: other.endpoint }
  return new EC2Client({
    region,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
    credentials: await credentialsOf(settings, own),
    maxAttempts: settings.maxRetries + 1,
    retryMode: 'adaptive',
    customUserAgent: [['remora']],
    requestHandler: new RoutedHandler(),
  })
}
