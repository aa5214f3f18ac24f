import type { AwsCredentialIdentityProvider } from '@smithy/types'
import type { EbsSettings } from './config.ts'

/**
 * Where credentials come from: the configured key; else the configured profile; else the environment, the shared files,
 * a web identity, the instance's role, in the SDK's own order. With a role configured, that is assumed by means of them.
 */
export async function credentialsOf(
  settings: EbsSettings,
  region: string,
): Promise<AwsCredentialIdentityProvider> {
  const { accessKey, secretKey, sessionToken, profile, roleARN } = settings
  const { fromIni, fromNodeProviderChain, fromTemporaryCredentials } = await import(
    '@aws-sdk/credential-providers'
  )
  const base = (): AwsCredentialIdentityProvider => {
    if (accessKey !== undefined && secretKey !== undefined) {
      const key = { accessKeyId: accessKey, secretAccessKey: secretKey }
      return async () => (sessionToken === undefined ? key : { ...key, sessionToken })
    }
    return profile === undefined ? fromNodeProviderChain() : fromIni({ profile })
  }
  if (roleARN === undefined) return base()
  const params = { RoleArn: roleARN, RoleSessionName: 'remora' }
  return fromTemporaryCredentials({ masterCredentials: base(), params, clientConfig: { region } })
}
