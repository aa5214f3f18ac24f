import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PermissionDeniedError } from '../../../src/libstorage/errors.ts'
import { EbsWorld } from '../../support/ebs-world.ts'

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(() => world.close())

test('the request that AWS repeats with its session token is in no error, nor in what caused it', async () => {
  const { driver } = await world.provider(world.here, { sessionToken: 'IQoJSESSION' })
  const message = [
    'The request signature we calculated does not match the signature you provided.',
    '\nThe Canonical String for this request should have been',
    "'POST\n/\n\nhost:sts.us-east-1.amazonaws.com\nx-amz-security-token:IQoJSESSION\n'",
  ].join('\n')
  const refusal = { kind: 'error', code: 'SignatureDoesNotMatch', status: 403, message } as const
  world.simulator.faults.always('DescribeVolumes', refusal)
  const error: unknown = await driver.volumes().catch((refused: unknown) => refused)
  expect(error).toBeInstanceOf(PermissionDeniedError)
  expect(String(error)).toContain('does not match the signature you provided, request ')
  const { cause } = error as Error
  expect(cause).toBeInstanceOf(Error)
  const { message: words, stack } = cause as Error
  expect(inspect({ error: String(error), words, stack })).not.toContain('IQoJSESSION')
})
