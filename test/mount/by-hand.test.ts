import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { type MountWorld, mounted } from '../support/mount-world.ts'
import { TwoMachines } from '../support/two-machines.ts'

let machines: TwoMachines
let world: MountWorld
beforeEach(() => {
  machines = new TwoMachines()
  world = machines.here
})
afterEach(() => machines.end())

describe('a volume that is attached by hand', () => {
  test('stays attached without being mounted, and no start of a server detaches it', async () => {
    const command = world.manager('command')
    await command.create('data', {})
    await command.attach('data')
    expect(machines.holder()).toBe('here')
    expect(world.isMounted('data')).toBe(false)
    expect(world.ledger().all()).toEqual([])
    const server = world.manager()
    server.start()
    await server.close()
    expect(machines.holder()).toBe('here')
  })

  test('is attached once, however often that is asked for', async () => {
    const command = world.manager('command')
    await command.create('data', {})
    await command.attach('data')
    await command.attach('data')
    expect(machines.platform.count('attachVolume')).toBe(1)
  })

  test('is mounted as it is, and detached by the last Unmount', async () => {
    const command = world.manager('command')
    const server = world.manager()
    await command.create('data', {})
    await command.attach('data')
    await mounted(server, 'data', 'a')
    expect(machines.platform.count('attachVolume')).toBe(1)
    await server.unmount({ name: 'data', holder: 'a' })
    expect(machines.holder()).toBeUndefined()
  })

  test('is detached by hand', async () => {
    const command = world.manager('command')
    await command.create('data', {})
    await command.attach('data')
    await command.detach('data')
    expect(machines.holder()).toBeUndefined()
    expect(world.ledger().all()).toEqual([])
  })

  test('is taken from a machine that runs only by force', async () => {
    await machines.mountedThere()
    const command = world.manager('command')
    await expect(command.attach('data')).rejects.toThrow('is attached to there')
    await command.attach('data', { force: true })
    expect(machines.holder()).toBe('here')
  })

  test('is not mounted by force either where something else lies on it', async () => {
    const { id } = world.platform.add({ name: 'foreign' })
    world.disks.write(id, { kind: 'foreign', what: 'a LUKS container' })
    world.platform.attachByHand(id, 'i-other')
    const command = world.manager('command')
    const forced = command.mount({ name: 'foreign', holder: COMMAND_HOLDER }, { force: true })
    await expect(forced).rejects.toThrow('holds a LUKS container')
    expect(world.disks.of(id)).toEqual({ kind: 'foreign', what: 'a LUKS container' })
    expect(world.kernel.mounts()).toEqual([])
  })

  test('leaves nothing behind where its device does not appear', async () => {
    const command = world.manager('command', { attachTimeoutMs: 1 })
    await command.create('data', {})
    machines.platform.attachesSlowly = true
    await expect(command.attach('data')).rejects.toThrow('did not appear')
    expect(machines.holder()).toBeUndefined()
  })

  test('keeps what a server has mounted accounted for', async () => {
    const server = world.manager()
    await server.create('data', {})
    await mounted(server, 'data', 'a')
    await world.manager('command').attach('data')
    await server.unmount({ name: 'data', holder: 'a' })
    expect(machines.holder()).toBeUndefined()
  })
})

describe('a detach by hand', () => {
  test.each(['abcdef', COMMAND_HOLDER])('is refused while %s holds the volume', async (holder) => {
    const server = world.manager()
    await server.create('data', {})
    await mounted(server, 'data', holder)
    const who = holder === COMMAND_HOLDER ? 'the command line' : 'mount id abcdef'
    await expect(world.manager('command').detach('data')).rejects.toThrow(
      `volume "data" is in use by ${who}, unmount it first`,
    )
    expect(world.isMounted('data')).toBe(true)
  })

  test('is refused while somebody holds the device, and names the processes', async () => {
    const command = world.manager('command')
    await command.create('data', {})
    await command.attach('data')
    const device = machines.platform.volumes()[0]?.attachments[0]?.deviceName ?? ''
    world.kernel.heldByOthers.add(device)
    await expect(command.detach('data')).rejects.toThrow('in use by pid 4711 (postgres)')
    expect(machines.holder()).toBe('here')
  })

  test('is refused where the volume is not here, and touches nobody else', async () => {
    await machines.mountedThere()
    await expect(world.manager('command').detach('data')).rejects.toThrow(
      'volume "data" is not attached here, detach it on the machine that has it',
    )
    expect(machines.holder()).toBe('there')
  })
})
