import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotFoundError } from '../../../src/libstorage/errors.ts'
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

describe('a detach that EC2 refuses since it does not know the attachment yet', () => {
  const refusal = { kind: 'error', code: 'IncorrectState', status: 400 } as const
  /** An attachment that so many looks do not show. */
  const hidden = async (looks: number, pace: number) => {
    const provider = await world.provider(world.here, {}, { pace })
    const { id } = await provider.driver.createVolume(ebsSpec('data'))
    await patient(provider).driver.attachVolume(id, world.here.id)
    const { volumes } = world.simulator.region
    const seen = volumes.seen.bind(volumes)
    let looked = 0
    volumes.seen = () => {
      looked += 1
      const free = { state: 'available', attachments: [] } as const
      return seen().map((one) => (one.id === id && looked <= looks ? { ...one, ...free } : one))
    }
    return { driver: provider.driver, id }
  }

  test('is sent again while this machine has the disk', async () => {
    const { driver, id } = await hidden(2, 0.2)
    world.simulator.faults.next('DetachVolume', refusal, refusal)
    await driver.detachVolume(id, world.here.id)
    expect(world.simulator.count('DetachVolume')).toBe(3)
    expect(world.simulator.region.volume(id).attachments).toEqual([])
  })

  test('is believed of another machine, whose disks nobody sees here', async () => {
    const { id } = await hidden(10, 0.01)
    world.simulator.faults.always('DetachVolume', refusal)
    const { driver } = await world.provider(world.there)
    await expect(driver.detachVolume(id, world.here.id)).rejects.toThrow(NotFoundError)
    expect(world.simulator.count('DetachVolume')).toBe(1)
  })

  test('is believed where EC2 stays with that, as of a disk that the kernel has lost and still shows', async () => {
    const { driver, id } = await hidden(1_000, 0.01)
    world.simulator.faults.always('DetachVolume', refusal)
    await expect(driver.detachVolume(id, world.here.id)).rejects.toThrow(NotFoundError)
    expect(world.simulator.count('DetachVolume')).toBeGreaterThan(1)
  })
})
