import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../../src/libstorage/errors.ts'
import { EbsMountMachine, ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'

let world: EbsWorld
beforeEach(async () => {
  world = await EbsWorld.open()
})
afterEach(() => world.close())

describe('a copy of a volume of another zone', () => {
  const sourceElsewhere = async () => {
    const far = await world.simulator.launch({ zone: 'us-east-1b' })
    return await (await world.provider(far)).driver.createVolume(ebsSpec('far'))
  }

  test('is refused before EC2 is asked for it, with the way there', async () => {
    const { id } = await sourceElsewhere()
    const { driver } = await world.provider()
    const refused = driver.createVolume(ebsSpec('data', { source: { kind: 'volume', id } }))
    await expect(refused).rejects.toThrow(FailedPreconditionError)
    await expect(refused).rejects.toThrow(
      `volume "data" cannot be made in us-east-1a as a copy of ${id}, which is in us-east-1b, take a snapshot`,
    )
    expect(world.simulator.count('CopyVolumes')).toBe(0)
  })

  test('is made where its source is, if that zone is asked for', async () => {
    const { id } = await sourceElsewhere()
    const { driver } = await world.provider()
    const source = { kind: 'volume', id } as const
    const made = await driver.createVolume(ebsSpec('data', { zone: 'us-east-1b', source }))
    expect(made).toMatchObject({ zone: 'us-east-1b', state: 'available' })
  })

  test('is refused to Docker without a look-up more', async () => {
    const { id } = await sourceElsewhere()
    const manager = await ebsMountManager(world)
    try {
      world.simulator.takeCounts()
      await expect(manager.create('data', { volumeID: id })).rejects.toThrow('us-east-1b')
      // One for the name and one for the source.
      expect(world.simulator.takeCounts()).toEqual({ DescribeVolumes: 2 })
    } finally {
      await manager.close()
    }
  })
})

describe('a volume that is copied while it is mounted', () => {
  test('stands still until EC2 has accepted that, and no longer', async () => {
    Object.assign(world.simulator.region.delays, { create: 300 })
    const machine = new EbsMountMachine(world, world.here)
    const { kernel } = machine
    const freeze = kernel.freeze.bind(kernel)
    const thawnAt: (string | undefined)[] = []
    kernel.freeze = async (mountPoint) => {
      const frozen = await freeze(mountPoint)
      const thaw = async () => {
        thawnAt.push(world.simulator.named('copy')[0]?.state)
        await frozen.thaw()
      }
      return { thaw }
    }
    const manager = await machine.manager()
    try {
      await manager.create('data', {})
      ;(await manager.mount({ name: 'data', holder: 'one' })).delivered()
      await manager.create('copy', { volumeName: 'data' })
      expect(thawnAt).toEqual(['creating'])
      expect(world.simulator.named('copy')).toMatchObject([{ state: 'available' }])
    } finally {
      await manager.close()
    }
  })
})
