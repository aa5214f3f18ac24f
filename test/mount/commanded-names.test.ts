import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
})
