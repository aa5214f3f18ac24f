import type { AwsCredentialIdentityProvider } from '@smithy/types'
import { InvalidArgumentError } from '../../libstorage/errors.ts'
import type { EbsSettings } from './config.ts'
import { RoutedHandler } from './transport.ts'

/** Throws where only half of a key is configured: with other credentials the volumes would be those of another account. */
export function requireWholeKey({ accessKey, secretKey }: EbsSettings): void {
  if ((accessKey === undefined) === (secretKey === undefined)) return
  const [set, missing] =
    accessKey === undefined ? ['secretKey', 'accessKey'] : ['accessKey', 'secretKey']
  throw new InvalidArgumentError({
    subject: `ebs.${set}`,
    problem: `is set without ebs.${missing}`,
    remedy: `set ebs.${missing} too, or leave both out for the environment, the shared files or the instance role`,
  })
}

/**
 * Where credentials come from: the configured key; else the configured profile; else the environment, the shared files,
 * a web identity, the instance's role, in the SDK's own order. With a role configured, that is assumed by means of them. STS
 * is asked in the region, by way of the proxy that the environment names.
 */
export async function credentialsOf(
  settings: EbsSettings,
  region: string,
): Promise<AwsCredentialIdentityProvider> {
  const { accessKey, secretKey, sessionToken, profile, roleARN } = settings
  const { fromIni, fromNodeProviderChain, fromTemporaryCredentials } = await import(
    '@aws-sdk/credential-providers'
  )
  const clientConfig = { region, requestHandler: new RoutedHandler() }
  const base = (): AwsCredentialIdentityProvider => {
    if (accessKey !== undefined && secretKey !== undefined) {
      const key = { accessKeyId: accessKey, secretAccessKey: secretKey }
      return async () => (sessionToken === undefined ? key : { ...key, sessionToken })
    }
    // Somebody writes new keys into the shared files, or makes them.
    const chain = { clientConfig, ignoreCache: true }
    return profile === undefined ? fromNodeProviderChain(chain) : fromIni({ ...chain, profile })
  }
  if (roleARN === undefined) return base()
  const params = { RoleArn: roleARN, RoleSessionName: 'remora' }
  return fromTemporaryCredentials({ masterCredentials: base(), params, clientConfig })
}
