import { afterEach, beforeEach, expect, test } from 'vitest'
import { EbsWorld, ebsSpec, patient } from '../../support/ebs-world.ts'

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(() => world.close())

test('a detach that EC2 never answers is given up in time, though look-ups are answered', async () => {
  const settings = { statusTimeout: '300ms', maxRetries: 0 }
  const { driver } = patient(await world.provider(world.here, settings))
  const { id } = await driver.createVolume(ebsSpec('data'))
  await driver.attachVolume(id, world.here.id)
  const end = world.simulator.faults.always('DetachVolume', { kind: 'drop', when: 'before' })
  await expect(driver.detachVolume(id, world.here.id)).rejects.toThrow(/ec2:DetachVolume/)
  const attachments = () => world.simulator.region.volume(id).attachments
  expect(attachments()).toHaveLength(1)
  end()
  await driver.detachVolume(id, world.here.id)
  expect(attachments()).toEqual([])
})
