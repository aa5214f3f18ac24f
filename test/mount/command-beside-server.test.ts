import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

describe('the command line beside a server', () => {
  test('its unmount is refused while others hold the volume, and names them', async () => {
    const server = world.manager()
    const command = world.manager('command')
    await server.create('data', {})
    await mounted(server, 'data', 'abcdef')
    await expect(command.unmount({ name: 'data', holder: COMMAND_HOLDER })).rejects.toThrow(
      'in use by mount id abcdef',
    )
    expect(world.isMounted('data')).toBe(true)
  })

  test('what it mounts the server knows of, and the other way round', async () => {
    const server = world.manager()
    const command = world.manager('command')
    await server.create('data', {})
    await mounted(command, 'data', COMMAND_HOLDER)
    expect(await server.path('data')).toBe('/mnt/data/data')
    await command.unmount({ name: 'data', holder: COMMAND_HOLDER })
    expect(await server.path('data')).toBeUndefined()
    expect(world.platform.volumes()[0]?.attachments).toEqual([])
  })

  test('a volume that it detached is attached anew by the server, which remembers it attached', async () => {
    const server = world.manager()
    const command = world.manager('command')
    await server.create('data', {})
    await mounted(server, 'data', 'a')
    await mounted(command, 'data', COMMAND_HOLDER)
    await server.unmount({ name: 'data', holder: 'a' })
    await command.unmount({ name: 'data', holder: COMMAND_HOLDER })
    await mounted(server, 'data', 'b')
    expect(world.isMounted('data')).toBe(true)
  })

  test('its remove is refused while anybody has a reference, also one that may be stale', async () => {
    const server = world.manager()
    await server.create('data', {})
    await mounted(server, 'data', 'abcdef')
    await expect(world.manager('command').remove('data')).rejects.toThrow(
      'in use by mount id abcdef',
    )
    expect(world.isMounted('data')).toBe(true)
  })
})
