import { afterEach, beforeEach, expect, test } from 'vitest'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(() => world.close())

test('an attachment has the time that every look-up shows, though the answer to the attach is more precise', async () => {
  const { driver } = await world.provider()
  const { id } = await driver.createVolume(ebsSpec('data'))
  const { since } = await driver.attachVolume(id, world.here.id)
  expect((await driver.volume(id)).attachments[0]?.since).toEqual(since)
})
