import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

describe('create', () => {
  test('makes a volume of the configured size, and an existing name is a success that changes nothing', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await manager.create('data', { size: '7' })
    expect(world.platform.volumes().map(({ name, sizeGiB }) => [name, sizeGiB])).toEqual([
      ['data', 1],
    ])
  })

  test('finds a name in another letter case, and does not make a second volume', async () => {
    const manager = world.manager()
    await manager.create('Data', {})
    await manager.create('data', {})
    expect(world.platform.volumes()).toHaveLength(1)
  })

  test.each(['', '.', '..', '-x', 'vol-0123456789abcdef0', 'a/b', 'a\u0000b', 'x'.repeat(129)])(
    'refuses the name %j',
    async (name) => {
      await expect(world.manager().create(name, {})).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      })
      expect(world.platform.volumes()).toEqual([])
    },
  )

  test('refuses a name that a volume in another zone has, unless a zone is asked for', async () => {
    world.platform.zones.set('here', 'eu-1a')
    const { id } = world.platform.add({ name: 'data', zone: 'eu-1b' })
    const manager = world.manager()
    await expect(manager.create('data', {})).rejects.toThrow(`exists as ${id} in eu-1b`)
    await manager.create('data', { availabilityzone: 'eu-1a' })
    expect(world.platform.volumes().map(({ zone }) => zone)).toEqual(['eu-1b', 'eu-1a'])
    expect((await manager.get('data')).volume.zone).toBe('eu-1a')
    await manager.remove('data')
    expect(world.platform.volumes().map(({ zone }) => zone)).toEqual(['eu-1b'])
  })

  test('in another zone hides no volume of that name in this one', async () => {
    world.platform.zones.set('here', 'eu-1a')
    const { id } = world.platform.add({ name: 'data', zone: 'eu-1a' })
    const manager = world.manager()
    await manager.create('data', { availabilityzone: 'eu-1b' })
    expect(world.platform.volumes().map(({ zone }) => zone)).toEqual(['eu-1a', 'eu-1b'])
    expect((await manager.get('data')).volume.id).toBe(id)
    await mounted(manager, 'data', 'a')
    expect(world.isMounted('data')).toBe(true)
  })

  test('says which existing volumes are meant when two match without regard to case', async () => {
    world.platform.add({ name: 'DATA' })
    world.platform.add({ name: 'Data' })
    await expect(world.manager().create('data', {})).rejects.toThrow(/2 volumes: .*DATA.*Data/)
  })
})

describe('get', () => {
  test('answers from memory within five seconds, and a volume mounted here always', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const calls = world.platform.calls.length
    expect((await manager.get('data')).mountpoint).toBe('/mnt/data/data')
    await manager.get('data')
    expect(world.platform.calls.length).toBe(calls)
  })

  test('an unknown name costs one look-up, and is remembered as missing', async () => {
    const manager = world.manager()
    await expect(manager.get('nope')).rejects.toThrow('volume "nope" not found')
    await expect(manager.get('nope')).rejects.toThrow('volume "nope" not found')
    expect(world.platform.count('volumes')).toBe(1)
  })

  test('an outage is never "not found"', async () => {
    world.platform.failAlways(
      'volumes',
      new UnavailableError({ subject: 'the platform', problem: 'is away' }),
    )
    await expect(world.manager().get('data')).rejects.toMatchObject({ code: 'ERR_UNAVAILABLE' })
  })
})

describe('remove', () => {
  test('is refused at once for what another system manages, be it here or nobody’s, and touches nothing', async () => {
    const manager = world.manager()
    world.platform.add({ name: 'data', managedBy: 'Kubernetes' })
    const [before] = world.platform.volumes()
    const refused = 'volume "data" is managed by Kubernetes, remove it there'
    await expect(manager.remove('data')).rejects.toThrow(refused)
    expect(world.platform.volumes()).toEqual([before])
    await mounted(manager, 'data', 'a')
    await expect(manager.remove('data')).rejects.toThrow(refused)
    expect(world.isMounted('data')).toBe(true)
  })

  test('is refused while a holder that counts for itself has a reference, and names it', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', '')
    await expect(manager.remove('data')).rejects.toThrow(
      'volume "data" is in use by a client that sends no id',
    )
    expect(world.isMounted('data')).toBe(true)
  })

  test("Docker's ids are stale if nobody holds the device: after a crash of dockerd no Unmount ever comes", async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await world.age()
    await manager.remove('data')
    expect(world.platform.volumes()).toEqual([])
    expect(world.kernel.mounts()).toEqual([])
  })

  test('a container that holds the device keeps the volume, mounted and with its references', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    await world.age()
    world.kernel.heldByOthers.add('/dev/memory0')
    await expect(manager.remove('data')).rejects.toThrow(
      'volume "data" is in use by pid 4711 (postgres)',
    )
    expect(world.isMounted('data')).toBe(true)
    expect(
      world
        .ledger()
        .all()[0]
        ?.references.map(({ id }) => id),
    ).toEqual(['a'])
  })

  test('waits until a Mount that was answered just now can have taken hold, and goes by what then is', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const removing = manager.remove('data', { signal: AbortSignal.timeout(300) })
    await expect(removing).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(world.isMounted('data')).toBe(true)
  })

  test('many at once are all remembered', async () => {
    const manager = world.manager()
    const names = Array.from({ length: 12 }, (_, index) => `data-${index}`)
    for (const name of names) await manager.create(name, {})
    await Promise.all(names.map((name) => manager.remove(name)))
    await Promise.all(names.map((name) => manager.remove(name)))
    expect(world.platform.volumes()).toEqual([])
  })

  test('a missing volume is a success only if it was removed here before', async () => {
    const manager = world.manager()
    await expect(manager.remove('data')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
    await manager.create('data', {})
    await manager.remove('data')
    await manager.remove('data')
  })

  test('never takes an id', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await expect(manager.remove(world.platform.volumes()[0]?.id ?? '')).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
    expect(world.platform.volumes()).toHaveLength(1)
  })
})

describe('wishes that mean nothing on a platform', () => {
  beforeEach(() => {
    world.facts = { wishes: new Set(['type'] as const) }
  })

  test('are left out, so that options of another platform do no harm', async () => {
    await world
      .manager()
      .create('data', { volumetype: 'io1', iops: '150', availabilityzone: 'eu-1a' })
    expect(world.platform.volumes()).toHaveLength(1)
  })

  test('are refused where encryption was asked for, since its owner would believe to have it', async () => {
    await expect(world.manager().create('data', { encrypted: 'true' })).rejects.toThrow(
      'option encrypted cannot be fulfilled by driver memory',
    )
    expect(world.platform.volumes()).toEqual([])
  })
})
