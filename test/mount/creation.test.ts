import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  AbortedError,
  InvalidArgumentError,
  PermissionDeniedError,
  TimeoutError,
  UnavailableError,
} from '../../src/libstorage/errors.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

const namesOf = () => world.platform.volumes().map(({ name }) => name)

describe('what a Create does not do as it was asked is logged:', () => {
  const stays = 'volume "data" exists already, nothing was changed'

  test('another size than the volume of that name has, in whatever letter case', async () => {
    const manager = world.manager()
    await manager.create('data', { size: '1' })
    await manager.create('data', {})
    expect(world.warnings).toEqual([])
    await manager.create('data', { Size: '7' })
    expect(world.warnings).toEqual([`${stays}: size is 1 where 7 was asked for`])
  })

  const ofEbs = {
    type: 'gp3',
    iops: 3000,
    zone: 'eu-1a',
    labels: { fstype: 'ext4', uid: '999', mountopts: 'noatime' },
  }

  test.each([
    [{ type: 'io2' }, 'type is gp3 where io2 was asked for'],
    [{ VolumeType: 'io2' }, 'type is gp3 where io2 was asked for'],
    [{ iops: '4000' }, 'iops is 3000 where 4000 was asked for'],
    [{ encrypted: 'true' }, 'encrypted is false where true was asked for'],
    [{ newFsType: 'xfs' }, 'fstype is ext4 where xfs was asked for'],
    [{ mountopts: 'nodev' }, 'mountopts is noatime where nodev was asked for'],
    [{ uid: '1000' }, 'uid is 999 where 1000 was asked for'],
    [{ mode: '0700' }, 'mode is not set where 0700 was asked for'],
    [{ snapshotName: 'monday' }, 'its source is nothing where a snapshot was asked for'],
    [
      { size: '5', iops: '1' },
      'size is 1 where 5 was asked for, iops is 3000 where 1 was asked for',
    ],
  ])('%j of a volume that is otherwise', async (options, difference) => {
    world.platform.add({ name: 'data', ...ofEbs })
    await world.manager().create('data', options)
    expect(world.warnings).toEqual([`${stays}: ${difference}`])
    expect(world.platform.volumes()).toMatchObject([ofEbs])
  })

  test('nothing, where the volume is as it was asked for, whatever the configuration makes of new ones', async () => {
    world.platform.add({ name: 'data', ...ofEbs })
    const defaults = { ...quickSettings.create.default, sizeGiB: 9, type: 'io1', iops: 100 }
    const create = { ...quickSettings.create, default: { ...defaults, fsType: 'xfs' as const } }
    const manager = world.manager('server', { create })
    await manager.create('data', {})
    const same = { size: '1', type: 'gp3', iops: '3000', fstype: 'ext4', uid: '999' }
    await manager.create('data', { ...same, encrypted: 'no', availabilityZone: 'eu-1a' })
    expect(world.warnings).toEqual([])
  })

  test('another file system than a volume without one is going to get', async () => {
    world.platform.add({ name: 'data', managed: false })
    await world.manager().create('data', { fstype: 'ext4' })
    expect(world.warnings).toEqual([])
    await world.manager().create('data', { fstype: 'xfs' })
    expect(world.warnings).toEqual([`${stays}: fstype is ext4 where xfs was asked for`])
  })

  test('what somebody else made otherwise at the same moment', async () => {
    const release = world.platform.block('createVolume')
    const creating = world.manager().create('data', { size: '7' })
    await eventually(() => expect(world.platform.count('createVolume')).toBe(1))
    world.platform.add({ name: 'data' })
    release()
    await creating
    expect(world.warnings).toEqual([`${stays}: size is 1 where 7 was asked for`])
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

describe('with create.implicit a Mount makes nothing', () => {
  const create = { ...quickSettings.create, implicit: true }
  const implicit = () => world.manager('server', { create })
  const about = { subject: 'the platform', problem: 'is away' }
  const made = () => world.platform.count('createVolume')

  test.each([
    new UnavailableError(about),
    new TimeoutError(about),
    new PermissionDeniedError(about),
    new AbortedError(about),
  ])('where the platform did not say that there is no such volume ($code)', async (error) => {
    const manager = implicit()
    await expect(manager.get('data')).rejects.toThrow('volume "data" not found')
    world.platform.failAlways('volumes', error)
    await expect(mounted(manager, 'data', 'a')).rejects.toMatchObject({ code: error.code })
    world.platform.failAlways('volumes')
    world.platform.failNext('volumes', error)
    await expect(mounted(implicit(), 'data', 'a')).rejects.toMatchObject({ code: error.code })
    expect(made()).toBe(0)
    await mounted(manager, 'data', 'a')
    expect(namesOf()).toEqual(['data'])
  })

  test('where the platform goes away after it has said so', async () => {
    const manager = implicit()
    const answer = world.platform.block('volumes')
    const mounting = mounted(manager, 'data', 'a')
    await eventually(() => expect(world.platform.count('volumes')).toBe(1))
    answer()
    world.platform.failAlways('instance', new UnavailableError(about))
    await expect(mounting).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' })
    world.platform.failAlways('instance')
    expect(made()).toBe(0)
  })

  test('where somebody else has made it since that was said', async () => {
    const manager = implicit()
    await expect(manager.get('data')).rejects.toThrow('volume "data" not found')
    const { id } = world.platform.add({ name: 'data' })
    await mounted(manager, 'data', 'a')
    expect(world.platform.volumes().map((volume) => volume.id)).toEqual([id])
    expect(world.isMounted('data')).toBe(true)
  })

  test('where the volume is there under a name in another letter case', async () => {
    world.platform.add({ name: 'Data' })
    await mounted(implicit(), 'data', 'a')
    expect(namesOf()).toEqual(['Data'])
    expect(world.isMounted('Data')).toBe(true)
  })

  test('where one of that name is in another zone, which the error names', async () => {
    world.platform.zones.set('here', 'eu-1a')
    const { id } = world.platform.add({ name: 'data', zone: 'eu-1b' })
    await expect(mounted(implicit(), 'data', 'a')).rejects.toThrow(`exists as ${id} in eu-1b`)
    expect(made()).toBe(0)
  })
})
