import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InvalidArgumentError } from '../../src/libstorage/errors.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const namesOf = () => world.platform.volumes().map(({ name }) => name)

describe('what a Create does not do as it was asked is logged:', () => {
  test('another size than the volume of that name has', async () => {
    const manager = world.manager()
    await manager.create('data', { size: '1' })
    await manager.create('data', {})
    expect(world.warnings).toEqual([])
    await manager.create('data', { size: '7' })
    expect(world.warnings).toEqual(['volume "data" exists already, nothing was changed'])
  })

  test('options that mean nothing on the platform', async () => {
    world.facts = { wishes: new Set(['type'] as const) }
    await world.manager().create('data', { iops: '150' })
    expect(world.warnings).toEqual([
      'volume "data" is made without iops, which driver memory does not have',
    ])
  })
})

describe('before anything is made', () => {
  const refusal = new InvalidArgumentError({ subject: 'this', problem: 'is not possible here' })
  const refuse = async () => {
    throw refusal
  }

  test('it is looked whether the file system can be made on this machine', async () => {
    world.kernel.requireMaker = refuse
    await expect(world.manager().create('data', {})).rejects.toThrow(refusal)
    expect(namesOf()).toEqual([])
  })

  test('it is looked whether the kernel takes the mount options', async () => {
    world.kernel.tryMountOptions = refuse
    const manager = world.manager()
    await expect(manager.create('data', { mountopts: 'noatime' })).rejects.toThrow(refusal)
    expect(namesOf()).toEqual([])
    await manager.create('data', {})
    expect(namesOf()).toEqual(['data'])
  })
})

describe('switches of the configuration', () => {
  test('create.disable makes a Create succeed and do nothing', async () => {
    const create = { ...quickSettings.create, disable: true }
    await world.manager('server', { create }).create('data', {})
    expect(namesOf()).toEqual([])
  })

  test('remove.disable makes a Remove succeed and do nothing', async () => {
    const manager = world.manager('server', { remove: { disable: true } })
    await manager.create('data', {})
    await manager.remove('data')
    expect(namesOf()).toEqual(['data'])
  })

  test('create.implicit makes a Mount make the volume that does not exist, once', async () => {
    const create = { ...quickSettings.create, implicit: true }
    const manager = world.manager('server', { create })
    await mounted(manager, 'data', 'a')
    await mounted(manager, 'data', 'b')
    expect(namesOf()).toEqual(['data'])
    expect(world.isMounted('data')).toBe(true)
  })

  test('without create.implicit a Mount never makes a volume', async () => {
    await expect(mounted(world.manager(), 'data', 'a')).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
    expect(namesOf()).toEqual([])
  })
})
