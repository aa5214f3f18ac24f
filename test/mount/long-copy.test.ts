import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TimeoutError } from '../../src/libstorage/errors.ts'
import { run } from '../../src/libstorage/run.ts'
import type { MountManager } from '../../src/mount/mount-manager.ts'
import { eventually } from '../support/eventually.ts'
import { gate } from '../support/gate.ts'
import { LoopWorld, loopUnavailable } from '../support/loop-world.ts'

describe.skipIf(loopUnavailable !== undefined)('a copy of bytes (root)', () => {
  let world: LoopWorld
  let manager: MountManager
  beforeEach(async () => {
    world = new LoopWorld()
    manager = await world.manager()
  })
  afterEach(() => world.end())

  test('that takes longer than its caller waits goes on, and the repeat of the Create joins it', async () => {
    await manager.create('data', {})
    const { promise: copied, resolve: goOn } = gate()
    let copies = 0
    const slow = await world.manager({}, 'server', async (command, ...rest) => {
      if (command === 'cp') {
        copies += 1
        await copied
      }
      return await run(command, ...rest)
    })
    const caller = new AbortController()
    const first = slow.create('copy', { volumename: 'data' }, { signal: caller.signal })
    await eventually(() => expect(copies).toBe(1))
    caller.abort(new TimeoutError({ subject: 'the operation', problem: 'took too long' }))
    await expect(first).rejects.toThrow(
      /^volume "copy" is still being prepared \(creates the volume, \d+ s so far\), try again$/,
    )
    const repeat = slow.create('copy', { volumename: 'data' })
    goOn()
    await repeat
    expect(copies).toBe(1)
    expect((await slow.get('copy')).volume).toMatchObject({ madeFrom: 'volume' })
  })

  test.each([
    [
      'of a volume',
      'copies the volume',
      (slow: MountManager) => slow.create('copy', { volumename: 'data' }),
    ],
    [
      'into a snapshot',
      'takes a snapshot',
      (slow: MountManager) => slow.createSnapshot('data', 'copy'),
    ],
  ])('%s keeps its source from being removed until it is whole', async (_what, doing, copy) => {
    await manager.create('data', {})
    const { promise: copied, resolve: goOn } = gate()
    let copies = 0
    const slow = await world.manager({}, 'server', async (command, ...rest) => {
      if (command === 'cp') {
        copies += 1
        await copied
      }
      return await run(command, ...rest)
    })
    const copying = copy(slow)
    await eventually(() => expect(copies).toBe(1))
    const caller = new AbortController()
    const removing = slow.remove('data', { signal: caller.signal })
    caller.abort(new TimeoutError({ subject: 'the operation', problem: 'took too long' }))
    await expect(removing).rejects.toThrow(
      new RegExp(
        `^volume "data" is still being prepared \\(${doing}, \\d+ s so far\\), try again$`,
      ),
    )
    const waiting = slow.remove('data')
    const names = async () => (await slow.list()).map(({ volume }) => volume.name)
    expect(await names()).toContain('data')
    goOn()
    await Promise.all([copying, waiting])
    expect(await names()).not.toContain('data')
  })

  test('a server that ends gives up a copy of hours, and nothing of it is left', async () => {
    await manager.create('data', {})
    await manager.close()
    const slow = await world.manager({}, 'server', (command, ...rest) =>
      command === 'cp' ? run('sleep', ['60'], rest[1]) : run(command, ...rest),
    )
    const created = slow.create('copy', { volumename: 'data' })
    created.catch(() => {})
    const pool = path.join(world.folder, 'loop')
    const begun = () => readdirSync(pool).filter((entry) => entry.startsWith('.creating'))
    await expect.poll(begun).toHaveLength(1)
    const again = slow.create('copy', { volumename: 'data' })
    again.catch(() => {})
    await slow.close()
    await expect(created).rejects.toThrow('the work was given up at the end')
    await expect(again).rejects.toThrow('the work was given up at the end')
    await expect.poll(begun).toEqual([])
    expect((await manager.list()).map(({ volume }) => volume.name)).toEqual(['data'])
  })
})
