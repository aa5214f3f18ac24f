import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../src/libstorage/logger.ts'
import { createPluginApp } from '../../src/plugin-api/app.ts'
import { type PluginServer, startPluginServer } from '../../src/plugin-api/server.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, quickSettings } from '../support/mount-world.ts'
import { callPlugin, expectSuccess } from '../support/plugin-calls.ts'

/**
 * What dvdcli 0.1, which DC/OS demanded, asks of a plugin: it activates it at each start, makes the volume before all else,
 * where it has no options with null, and gives no id.
 */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  create: ['Create'],
  mount: ['Create', 'Mount'],
  path: ['Create', 'Path'],
  unmount: ['Create', 'Unmount'],
  remove: ['Remove'],
}

let world: MountWorld
let server: PluginServer
let socket: string

async function serve(ignoreUsedCount: boolean): Promise<void> {
  world = new MountWorld()
  const volumes = world.manager('server', {
    unmount: { ...quickSettings.unmount, ignoreUsedCount },
  })
  const app = createPluginApp({ volumes, logger: silentLogger })
  socket = join(world.folder, 'rexray.sock')
  const host = `unix://${socket}`
  server = await startPluginServer({ host, app, logger: silentLogger, drainMs: 0, finishMs: 5_000 })
}
afterEach(async () => {
  await server.close()
  await world.end()
})

/** Runs a command as that program did; resolves with the last reply. */
async function dvdcli(
  command: keyof typeof COMMANDS,
  options: Readonly<Record<string, string>> | null = null,
  name = 'data',
): Promise<Readonly<Record<string, unknown>>> {
  let reply: Readonly<Record<string, unknown>> = await expectSuccess({ socket }, 'Activate')
  for (const call of COMMANDS[command] ?? []) {
    const more = call === 'Create' ? { Opts: options } : {}
    reply = await expectSuccess({ socket }, call, { Name: name, ...more })
  }
  return reply
}

const sizes = () => world.platform.volumes().map(({ name, sizeGiB }) => [name, sizeGiB])

describe.each([false, true])('dvdcli 0.1 (ignoreUsedCount: %s)', (ignoreUsedCount) => {
  beforeEach(() => serve(ignoreUsedCount))

  test('mounts what it makes, and makes nothing anew of what is there', async () => {
    const { Mountpoint } = await dvdcli('mount', { size: '3' })
    expect(Mountpoint).toBe('/mnt/data/data')
    for (const command of ['path', 'mount', 'path'] as const)
      expect(await dvdcli(command)).toMatchObject({ Mountpoint })
    expect(sizes()).toEqual([['data', 3]])
    expect(world.events.filter(({ kind }) => kind === 'formatted')).toHaveLength(1)
  })

  test('one unmount ends all its mounts, and the next mount finds the same volume', async () => {
    await dvdcli('mount', { size: '3' })
    await dvdcli('mount', { size: '3' })
    await dvdcli('unmount')
    await eventually(() => expect(world.isMounted('data')).toBe(false))
    expect(await dvdcli('path')).toMatchObject({ Mountpoint: '' })
    await dvdcli('mount')
    expect(world.isMounted('data')).toBe(true)
    expect(sizes()).toEqual([['data', 3]])
    expect(world.events.filter(({ kind }) => kind === 'formatted')).toHaveLength(1)
  })

  test('a volume is not made away while it is mounted, and is afterwards', async () => {
    await dvdcli('mount', { size: '3' })
    const refused = await callPlugin({ socket }, 'Remove', { Name: 'data' })
    expect([refused.status, refused.body['Err']]).toEqual([500, expect.stringMatching(/in use/)])
    await dvdcli('unmount')
    await eventually(() => expect(world.isMounted('data')).toBe(false))
    await dvdcli('remove')
    expect(sizes()).toEqual([])
  })

  test('its Create takes no reference that others have', async () => {
    await expectSuccess({ socket }, 'Create', { Name: 'data', Opts: {} })
    await expectSuccess({ socket }, 'Mount', { Name: 'data', ID: 'container' })
    await dvdcli('create', { size: '1' })
    await dvdcli('path')
    expect(world.isMounted('data')).toBe(true)
  })
})

/** As in moby's daemon/volumes_unix.go and volume/mounts: what an engine has counted itself it does not ask for. */
describe('Docker engines from 23 on', () => {
  const id = 'a'.repeat(64)
  const call = (name: string, Name: string, ID = id) =>
    expectSuccess({ socket }, name, { Name, ID })
  const restarted = async (...names: readonly string[]) => {
    await expectSuccess({ socket }, 'Activate')
    await expectSuccess({ socket }, 'Capabilities')
    for (const Name of names) await expectSuccess({ socket }, 'Get', { Name })
  }

  beforeEach(async () => {
    await serve(false)
    for (const Name of ['one', 'two']) await expectSuccess({ socket }, 'Create', { Name, Opts: {} })
  })

  test('a cp that fails at its second volume leaves a reference to the first, which holds nothing up', async () => {
    await call('Mount', 'one')
    await call('Mount', 'two')
    await call('Mount', 'one')
    await call('Unmount', 'one')
    await call('Unmount', 'two')
    await eventually(() => expect(world.isMounted('two')).toBe(false))
    expect(world.isMounted('one')).toBe(true)
    await call('Mount', 'one', 'b'.repeat(64))
    await call('Unmount', 'one', 'b'.repeat(64))
    await world.age()
    await expectSuccess({ socket }, 'Remove', { Name: 'one' })
    expect(world.platform.volumes().map(({ name }) => name)).toEqual(['two'])
  })

  test('an Unmount that is left out is made up for by the next one, or by a Remove', async () => {
    for (const name of ['one', 'two']) await call('Mount', name)
    await call('Mount', 'one')
    await call('Unmount', 'one')
    await world.age()
    for (const Name of ['one', 'two']) await expectSuccess({ socket }, 'Remove', { Name })
    expect(world.platform.volumes()).toEqual([])
  })

  test('an Unmount that is left out takes nothing from a container that uses the volume', async () => {
    await call('Mount', 'one')
    world.kernel.heldByOthers.add(world.kernel.mounts()[0]?.source ?? '')
    await world.age()
    const refused = await callPlugin({ socket }, 'Remove', { Name: 'one' })
    expect([refused.status, refused.body['Err']]).toEqual([500, expect.stringMatching(/in use/)])
    expect(world.isMounted('one')).toBe(true)
  })

  test('containers that outlive their engine are unmounted once, with the id of before', async () => {
    await call('Mount', 'one')
    await restarted('one', 'two')
    await call('Mount', 'one')
    await call('Unmount', 'one')
    expect(world.isMounted('one')).toBe(true)
    await call('Unmount', 'one')
    await eventually(() => expect(world.isMounted('one')).toBe(false))
  })
})
