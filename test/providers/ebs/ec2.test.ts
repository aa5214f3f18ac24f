import { ModifyVolumeCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ebsSettings } from '../../../src/providers/ebs/config.ts'
import { connectEc2 } from '../../../src/providers/ebs/connection.ts'
import { Ec2 } from '../../../src/providers/ebs/ec2.ts'
import { isOfRepeat } from '../../../src/providers/ebs/errors.ts'
import { EbsWorld } from '../../support/ebs-world.ts'

const realSetTimeout = globalThis.setTimeout

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.close()
})

function ec2(maxRetries: number): Ec2 {
  const settings = ebsSettings.parse({
    accessKey: 'AKIDEXAMPLE',
    secretKey: 'secret',
    endpoint: world.simulator.endpoint,
    maxRetries,
  })
  const own = async () => ({ instanceId: world.here.id, region: 'us-east-1', zone: undefined })
  return new Ec2(() => connectEc2(settings, { own } as never))
}

async function refusalOf(maxRetries: number): Promise<unknown> {
  let refusal: unknown
  const request = new ModifyVolumeCommand({ VolumeId: 'vol-0aaaaaaaaaaaaaaaa', Size: 2 })
  const sent = ec2(maxRetries)
    .send(request)
    .catch((error: unknown) => (refusal = error))
  while (refusal === undefined) {
    await vi.advanceTimersByTimeAsync(100)
    await new Promise((resolve) => realSetTimeout(resolve, 1))
  }
  await sent
  return refusal
}

test('the answer to a repeat stays one where the last of the repeats before it were throttled', async () => {
  const throttle = { kind: 'throttle' } as const
  world.simulator.faults.next('ModifyVolume', { kind: 'drop', when: 'before' }, throttle)
  const error = await refusalOf(1)
  expect(error).toHaveProperty('name', 'InvalidVolume.NotFound')
  expect(isOfRepeat(error)).toBe(true)
})

test('the answer after requests that were all throttled is that to a first one', async () => {
  world.simulator.faults.next('ModifyVolume', { kind: 'throttle' })
  const error = await refusalOf(0)
  expect(error).toHaveProperty('name', 'InvalidVolume.NotFound')
  expect(isOfRepeat(error)).toBe(false)
})
