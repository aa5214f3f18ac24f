import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { clinicForEach, ownVolume } from '../../support/ebs-broken.ts'
import { ACCESS_KEY, allow, deny, PRINTED, policy, SECRET_KEY } from '../../support/ebs-clinic.ts'

const DECODING = policy('decoding', allow('sts:DecodeAuthorizationMessage'))
const { current } = clinicForEach()
beforeEach(() => vi.stubEnv('AWS_ENDPOINT_URL_STS', current().iam.endpoint))

const driver = async () => {
  const { world, machine } = current()
  return (await world.provider(machine, { accessKey: ACCESS_KEY, secretKey: SECRET_KEY })).driver
}
/** What is said where removing is denied. */
const refusal = async (from?: StorageDriver) => {
  const used = from ?? (await driver())
  const [volume] = await used.volumes()
  return await used.removeVolume(volume?.id ?? '').then(
    () => 'nothing',
    (error: unknown) => String(error),
  )
}

describe('a refusal of EC2 for lack of permission', () => {
  test('says why in words where the caller may have it decoded', async () => {
    const id = await ownVolume(current())
    current().allow([PRINTED, policy('guard', deny('ec2:DeleteVolume')), DECODING])
    const said = await refusal()
    expect(said).toMatch(
      new RegExp(`statement guard denies ec2:DeleteVolume on arn:aws:ec2:\\S+${id}\\)`),
    )
    expect(said).not.toMatch(/Encoded/)
    current().allow([policy('look', allow('ec2:DescribeVolumes')), DECODING])
    expect(await refusal()).toMatch(/no statement allows ec2:DeleteVolume on arn/)
  })

  test('is EC2’s own where the caller may not, and STS is not asked again and again', async () => {
    await ownVolume(current())
    current().allow([PRINTED, policy('guard', deny('ec2:DeleteVolume'))])
    const used = await driver()
    for (const _ of [1, 2]) expect(await refusal(used)).toMatch(/Encoded authorization .*: 4x0nWjQ/)
    expect(current().iam.calls).toEqual(['DecodeAuthorizationMessage'])
  })

  test('is EC2’s own where STS hangs', async () => {
    await ownVolume(current())
    current().allow([PRINTED, policy('guard', deny('ec2:DeleteVolume')), DECODING])
    current().iam.faults.always('DecodeAuthorizationMessage', { kind: 'hang' })
    expect(await refusal()).toMatch(/ec2:DeleteVolume: UnauthorizedOperation: .* 4x0nWjQ/)
  })
})
