import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MountWorld, mounted } from '../support/mount-world.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
})
afterEach(() => world.end())

describe('growth that does not come about', () => {
  test('of a device that others hold is told, and the Mount is as good', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await mounted(manager, 'data', 'a')
    const [device = ''] = world.kernel.mounts().map(({ source }) => source)
    world.kernel.heldByOthers.add(device)
    await manager.unmount({ name: 'data', holder: 'a' })
    world.kernel.unfilledBytes.set(device, 2 ** 30)
    await mounted(manager, 'data', 'b')
    expect((await manager.get('data')).lastError).toBe(`${device} is not grown while mounted`)
    expect(world.events.map(({ kind }) => kind)).toContain('failed')
    expect(world.ledger().all()).toMatchObject([{ references: [{ id: 'b' }] }])
    expect(world.ledger().all()[0]?.tool).toBeUndefined()
  })

  test('is a sentence where the driver cannot change a volume', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await expect(manager.resize('data', 2)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message:
        'volume "data" cannot be resized: driver memory has no way to, make a larger volume and copy what is in it',
    })
  })
})

describe('copies where the driver has none', () => {
  test('are refused, and no volume is made', async () => {
    const manager = world.manager()
    await manager.create('data', {})
    await expect(manager.snapshots()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await expect(manager.createSnapshot('data', 'x')).rejects.toThrow(
      'service "memory" has no snapshots: driver memory knows none, use a service that has them',
    )
    for (const option of ['snapshotID', 'volumeName'])
      await expect(manager.create('copy', { [option]: 'data' })).rejects.toThrow(
        `option ${option.toLowerCase()} cannot be fulfilled by driver memory`,
      )
    expect((await manager.list()).map(({ volume }) => volume.name)).toEqual(['data'])
  })
})
