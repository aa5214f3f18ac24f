import type { Finding } from '../../../libstorage/check.ts'
import { partitionOf } from '../partition.ts'
import type { Examined } from './examined.ts'
import { codeOf, fail, saidBy } from './findings.ts'
import { allowing } from './policy.ts'

const UNACCEPTED = new Set(['AuthFailure', 'InvalidClientTokenId', 'SignatureDoesNotMatch'])
const EXPIRED = new Set(['RequestExpired', 'ExpiredToken', 'ExpiredTokenException'])

/** What EC2 said against a request that changes nothing, with what mends it. */
export async function refused(
  { own, settings }: Examined,
  action: string,
  error: unknown,
): Promise<Finding> {
  const said = saidBy(error)
  const { region } = await own()
  if (codeOf(error) === 'UnauthorizedOperation')
    return fail(
      `${action} is denied: ${said}`,
      `allow it in the policy of the caller: ${allowing(action, partitionOf(region))}`,
    )
  if (/scoped to a valid region/.test(said))
    return fail(
      `EC2 at ${settings.endpoint ?? region} is not that of region ${region} (${said})`,
      'set ebs.region and ebs.availabilityZone to those of this instance, and ebs.endpoint to that region',
    )
  if (UNACCEPTED.has(codeOf(error)))
    return fail(
      `EC2 does not accept the credentials (${said})`,
      'set ebs.accessKey and ebs.secretKey to a key that is active, or leave them out for the role of the instance',
    )
  if (EXPIRED.has(codeOf(error)))
    return fail(
      `EC2 calls the request expired (${said}): the session token has ended, or the clock of this machine is wrong`,
      'get a new token, and set the clock: timedatectl set-ntp true',
    )
  if (codeOf(error) === 'OptInRequired')
    return fail(
      `EC2 is not open to this account (${said})`,
      `open region ${region} for the account`,
    )
  return fail(`${action} failed: ${said}`, 'see what it says, and look again')
}
