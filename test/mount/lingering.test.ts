import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { unmountVolumes } from '../../src/cli/volume/unmount.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { COMMAND_HOLDER } from '../../src/mount/references.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'
import { mounted, quickSettings } from '../support/mount-world.ts'

const LONG = { ...quickSettings, unmount: { ignoreUsedCount: false, detachDelayMs: 600_000 } }

describe.skipIf(loopUnavailable !== undefined)('a volume that a server lingers on (root)', () => {
  let world: LoopWorld
  let server: MountManager
  beforeEach(async () => {
    world = new LoopWorld()
    server = await world.manager(LONG)
    server.start()
    await server.create('data', {})
    await mounted(server, 'data', 'a')
    await server.unmount({ name: 'data', holder: 'a' })
    expect(await device()).not.toBe('')
  })
  afterEach(() => world.end())

  const device = () => world.tool('losetup', '-j', world.diskOf('data'))

  test('is detached at once by the unmount of the command line, which is a success', async () => {
    const command = await world.manager(LONG, 'command')
    const status = await unmountVolumes(
      {
        volumes: command,
        signal: new AbortController().signal,
        stdout: { write: () => true },
        viewpoint: async () => ({ instance: 'here', driver: 'loop' }),
        warn: () => {},
        reportError: () => {},
        progress: (_doing, work) => work(),
      },
      ['data'],
      { format: 'json' },
    )
    expect(status).toBe(0)
    expect(await device()).toBe('')
  })

  test('is removed at once by the command line', async () => {
    await (await world.manager(LONG, 'command')).remove('data')
    expect(await device()).toBe('')
    const fresh = await world.manager(LONG, 'command')
    await expect(fresh.get('data')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' })
  })

  test('is copied as one that nobody uses, whatever its pool can do at one stroke', async () => {
    await server.createSnapshot('data', 'one')
    expect(await device()).toBe('')
    await mounted(server, 'data', 'a')
    await server.unmount({ name: 'data', holder: 'a' })
    expect(await device()).not.toBe('')
    await server.create('copy', { volumename: 'data' })
    expect(await device()).toBe('')
  })

  test('is detached when the server ends', async () => {
    await server.close()
    expect(await device()).toBe('')
  })

  test('is detached at the next start after a crash', async () => {
    const next = await world.manager(LONG)
    next.start()
    await expect.poll(device).toBe('')
  })

  test('is mounted by the command line without another attach, and the server lets it be', async () => {
    const before = await device()
    const command = await world.manager(LONG, 'command')
    await mounted(command, 'data', COMMAND_HOLDER)
    expect(await device()).toBe(before)
    await server.close()
    expect((await command.get('data')).mountpoint).toBeDefined()
  })
})
