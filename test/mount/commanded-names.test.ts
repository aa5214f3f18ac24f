import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { MountWorld } from '../support/mount-world.ts'

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
