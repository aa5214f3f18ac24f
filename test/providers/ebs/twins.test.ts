import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { EbsMountMachine } from '../../support/ebs-mount-world.ts'
import { EbsWorld, ebsSpec } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let machine: EbsMountMachine
let manager: MountManager
beforeEach(async () => {
  world = await EbsWorld.open()
  machine = new EbsMountMachine(world, world.here)
  await serve()
})
afterEach(async () => {
  await manager.close()
  await world.close()
})

const serve = async () => {
  manager = await machine.manager()
  manager.start()
}
const made = async () => {
  const { driver } = await world.provider()
  return (await driver.createVolume(ebsSpec('data'))).id
}
/** A second living volume of that very name, as `create-tags` makes one. */
const twinOf = (id: string) => {
  const { region } = world.simulator
  const twin = {
    ...region.volume(id),
    id: region.newId('vol'),
    attachments: [],
    state: 'available',
  }
  region.volumes.set(twin.id, twin as ReturnType<typeof region.volume>)
  return twin.id
}
const mount = async (name: string, holder = 'one') => {
  const { mountpoint, delivered } = await manager.mount({ name, holder })
  delivered()
  return mountpoint
}
const holdersOf = (id: string) =>
  world.simulator.region.volume(id).attachments.map(({ instanceId }) => instanceId)
const both = (one: string, other: string) =>
  `volume "data" is the name of 2 volumes: data (${one} in us-east-1a), data (${other} in us-east-1a), use the id, or rename all but one`

describe('of two living volumes of exactly one name', () => {
  test('the list has both', async () => {
    const id = await made()
    const twin = twinOf(id)
    const ids = (await manager.list()).map(({ volume }) => volume.id)
    expect(ids.sort()).toEqual([id, twin].sort())
  })

  test.each([
    ['get', () => manager.get('data')],
    ['create', () => manager.create('data', {})],
    ['mount', () => mount('data')],
    ['mount by force', () => manager.mount({ name: 'data', holder: 'one' }, { force: true })],
    ['remove', () => manager.remove('data')],
  ])('%s by name names both, and touches neither', async (_, work) => {
    const id = await made()
    const twin = twinOf(id)
    await expect(work()).rejects.toThrow(both(id, twin))
    expect([...holdersOf(id), ...holdersOf(twin)]).toEqual([])
    expect(world.simulator.named('data')).toHaveLength(2)
    for (const action of ['AttachVolume', 'DeleteVolume'])
      expect(world.simulator.count(action)).toBe(0)
  })

  test('each is used by its id', async () => {
    const id = await made()
    const twin = twinOf(id)
    expect(await mount(twin)).toBe('/mnt/data/data')
    expect([holdersOf(id), holdersOf(twin)]).toEqual([[], [world.here.id]])
    expect((await manager.get(id)).mountpoint).toBeUndefined()
  })

  test('the one whose place the other has is refused, and is not left attached', async () => {
    const id = await made()
    const twin = twinOf(id)
    await mount(id)
    await expect(mount(twin, 'two')).rejects.toThrow('mount point /mnt/data is taken')
    await eventually(() => expect(holdersOf(twin)).toEqual([]))
    expect(machine.isMounted('data')).toBe(true)
    expect(holdersOf(id)).toEqual([world.here.id])
  })
})

describe('a twin of a volume that is in use', () => {
  test('takes nothing from it: it is mounted and unmounted by its name as before, also by the next process', async () => {
    const id = await made()
    await mount('data')
    const twin = twinOf(id)
    expect(await mount('data', 'two')).toBe('/mnt/data/data')
    await manager.close()
    await serve()
    expect(await manager.path('data')).toBe('/mnt/data/data')
    await manager.unmount({ name: 'data', holder: 'two' })
    expect(machine.isMounted('data')).toBe(true)
    await manager.unmount({ name: 'data', holder: 'one' })
    await eventually(() => expect(holdersOf(id)).toEqual([]))
    expect(holdersOf(twin)).toEqual([])
    await expect(mount('data')).rejects.toThrow('is the name of 2 volumes')
  })

  test('keeps it from being removed by its name', async () => {
    const id = await made()
    await mount('data')
    twinOf(id)
    await expect(manager.remove('data')).rejects.toThrow('is the name of 2 volumes')
    expect(machine.isMounted('data')).toBe(true)
    expect(world.simulator.named('data')).toHaveLength(2)
  })
})

test('when one of them has another name, or is gone, the other is meant again', async () => {
  const id = await made()
  const twin = twinOf(id)
  await expect(mount('data')).rejects.toThrow('is the name of 2 volumes')
  world.simulator.region.change(twin, { tags: { Name: 'old' } })
  expect(await mount('data')).toBe('/mnt/data/data')
  expect(holdersOf(id)).toEqual([world.here.id])
})
