import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { MountWorld, mounted, quickSettings } from '../support/mount-world.ts'

const names = () => world.platform.volumes().map(({ name }) => name)

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

describe('a command', () => {
  test('removes also where remove.disable has a server pretend to', async () => {
    world.platform.add({ name: 'data' })
    await world.manager('command', { remove: { disable: true } }).remove('data')
    expect(names()).toEqual([])
  })

  test('removes the volume with an id, which a Remove of a server never takes', async () => {
    const { id } = world.platform.add({ name: 'data' })
    await expect(world.manager('server').remove(id)).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
    await world.manager('command').remove(id)
    expect(names()).toEqual([])
  })

  test.each(['DATA', 'data'])('removes %s by its name in another letter case', async (name) => {
    world.platform.add({ name: 'Data' })
    const command = world.manager('command')
    expect((await command.get(name)).volume.name).toBe('Data')
    await command.remove(name)
    expect(names()).toEqual([])
  })

  test('does not take a name that was removed here for one in another letter case', async () => {
    world.platform.add({ name: 'data' })
    world.platform.add({ name: 'DATA' })
    await world.manager('server').remove('DATA')
    await expect(world.manager('command').remove('DATA')).rejects.toMatchObject({
      code: 'ERR_NOT_FOUND',
    })
    expect(names()).toEqual(['data'])
  })

  test('mounts, attaches, detaches and unmounts by a name in another letter case', async () => {
    world.platform.add({ name: 'data' })
    const attached = () => world.platform.volumes()[0]?.attachments.length
    await world.manager('command').attach('DATA')
    expect(attached()).toBe(1)
    await world.manager('command').detach('DATA')
    expect(attached()).toBe(0)
    await mounted(world.manager('command'), 'DATA', COMMAND_HOLDER)
    expect(world.isMounted('data')).toBe(true)
    expect(await world.manager('command').path('Data')).toBe('/mnt/data/data')
    await world.manager('command').unmount({ name: 'DATA', holder: COMMAND_HOLDER })
    expect(world.isMounted('data')).toBe(false)
    expect(attached()).toBe(0)
  })

  test('makes no volume beside one in another letter case by create.implicit', async () => {
    world.platform.add({ name: 'data' })
    const create = { ...quickSettings.create, implicit: true }
    await mounted(world.manager('command', { create }), 'DATA', COMMAND_HOLDER)
    expect(names()).toEqual(['data'])
  })
})

describe.skipIf(loopUnavailable !== undefined)('a command, on loop', () => {
  let loop: LoopWorld
  beforeEach(() => {
    loop = new LoopWorld()
  })
  afterEach(() => loop.end())

  test('resizes the volume with an id, or of a name in another letter case', async () => {
    const command = await loop.manager({}, 'command')
    const { volume } = await command.createNew('data', { size: '1' })
    expect((await command.resize(volume.id, 2)).volume).toMatchObject({ name: 'data', sizeGiB: 2 })
    expect((await command.resize('DATA', 3)).volume).toMatchObject({ name: 'data', sizeGiB: 3 })
  })

  test('takes a snapshot of the volume with an id', async () => {
    const command = await loop.manager({}, 'command')
    const { volume } = await command.createNew('data', { size: '1' })
    expect(await command.createSnapshot(volume.id, 'nightly')).toMatchObject({
      volumeId: volume.id,
    })
  })
})
