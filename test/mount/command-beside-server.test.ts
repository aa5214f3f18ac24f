import { spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identifyProcess } from '../../src/libstorage/process-identity.ts'
import { COMMAND_HOLDER, PODMAN_HOLDER } from '../../src/mount/references.ts'
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

  test('its unmount drops what a crash of dockerd has left beside it', async () => {
    const server = world.manager()
    const command = world.manager('command')
    await server.create('data', {})
    await mounted(server, 'data', 'abcdef')
    await mounted(command, 'data', COMMAND_HOLDER)
    await world.age()
    await command.unmount({ name: 'data', holder: COMMAND_HOLDER })
    expect(world.isMounted('data')).toBe(false)
    expect(world.ledger().all()).toEqual([])
    await command.remove('data')
  })

  test('its unmount is refused while somebody holds the device, and changes nothing', async () => {
    const server = world.manager()
    const command = world.manager('command')
    await server.create('data', {})
    await mounted(server, 'data', 'abcdef')
    await mounted(command, 'data', COMMAND_HOLDER)
    await world.age()
    const [device = ''] = world.kernel.mounts().map(({ source }) => source)
    world.kernel.heldByOthers.add(device)
    const before = world.ledger().all()
    await expect(command.unmount({ name: 'data', holder: COMMAND_HOLDER })).rejects.toThrow(
      'in use by mount id abcdef, pid 4711 (postgres)',
    )
    expect(world.isMounted('data')).toBe(true)
    expect(world.ledger().all()[0]?.references).toEqual(before[0]?.references)
  })

  test('its unmount is refused while Podman has the volume, whoever holds the device', async () => {
    const server = world.manager()
    await server.create('data', {})
    await mounted(server, 'data', PODMAN_HOLDER)
    await world.age()
    const command = world.manager('command')
    await expect(command.unmount({ name: 'data', holder: COMMAND_HOLDER })).rejects.toThrow(
      'in use by Podman',
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

  test('it waits for the tool of a server that was killed', async () => {
    const server = world.manager()
    await server.create('data', {})
    await mounted(server, 'data', COMMAND_HOLDER)
    await world.age()
    const mkfs = spawn('sleep', ['60'])
    try {
      const [record] = world.ledger().all()
      const process = identifyProcess(mkfs.pid ?? 0)
      if (record === undefined || process === undefined) throw new Error('nothing is at work')
      const since = new Date().toISOString()
      await world.ledger().put({ ...record, tool: { command: 'mkfs.ext4', process, since } })
      const unmounting = world.manager('command').unmount({ name: 'data', holder: COMMAND_HOLDER })
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(world.isMounted('data')).toBe(true)
      mkfs.kill('SIGKILL')
      await unmounting
      expect(world.isMounted('data')).toBe(false)
    } finally {
      mkfs.kill('SIGKILL')
    }
  })

  test('its unmount leaves a format that was cut short to whoever repeats the Mount', async () => {
    const server = world.manager()
    await server.create('data', {})
    world.kernel.before = async (effect) => {
      if (effect.startsWith('mkfs')) throw new Error('mkfs was killed')
    }
    await expect(server.mount({ name: 'data', holder: 'a' })).rejects.toThrow('mkfs was killed')
    world.kernel.before = async () => {}
    for (const record of world.ledger().all())
      await world.ledger().put({ ...record, tool: undefined })
    await world.manager('command').unmount({ name: 'data', holder: COMMAND_HOLDER })
    expect(world.platform.volumes()[0]?.attachments).toHaveLength(1)
    await mounted(server, 'data', 'a')
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
