import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let manager: MountManager
beforeEach(async () => {
  // The kernel loses a disk at about the time at which EC2 says so.
  world = await EbsWorld.open({ delays: { deviceGone: 12, detach: 12, free: 0 } })
  manager = await ebsMountManager(world)
  manager.start()
  await eventually(() => expect(world.simulator.count('DescribeVolumes')).toBeGreaterThan(0))
  await new Promise((resolve) => setTimeout(resolve, 100))
})
afterEach(async () => {
  await manager.close()
  await world.close()
})

/** What Docker asks before a Create. */
const ask = (name: string) => manager.get(name).catch(() => undefined)
async function create(name = 'data'): Promise<void> {
  await ask(name)
  await manager.create(name, {})
}
async function mount(holder = 'one'): Promise<string> {
  const mounted = await manager.mount({ name: 'data', holder })
  mounted.delivered()
  return mounted.mountpoint
}
const counts = () => world.simulator.takeCounts()
const isDetached = () =>
  eventually(() => expect(world.simulator.named('data')[0]?.state).toBe('available'))

describe('requests to EC2 of one operation, with what Docker asks around it', () => {
  test('start-up: one look at what is attached here', () => {
    expect(counts()).toEqual({ DescribeVolumes: 1 })
  })

  test('create: one change; what has the name in the zone, in the region and but for case; and whether it is there', async () => {
    counts()
    await create()
    expect(counts()).toEqual({ CreateVolume: 1, DescribeVolumes: 4 })
  })

  test('get and path of what is known: none', async () => {
    await create()
    counts()
    await manager.get('data')
    await manager.get('data')
    await manager.path('data')
    expect(counts()).toEqual({})
  })

  test('get of an unknown name: one, and none for two seconds', async () => {
    counts()
    await Promise.all([ask('nothing'), ask('nothing')])
    await ask('nothing')
    expect(counts()).toEqual({ DescribeVolumes: 1 })
  })

  test('mount: one change and one look-up', async () => {
    await create()
    counts()
    expect(await mount()).toBe('/mnt/data/data')
    expect(counts()).toEqual({ AttachVolume: 1, DescribeVolumes: 1 })
  })

  test('a further mount, get and path while it is mounted: none', async () => {
    await create()
    await mount()
    counts()
    await mount('two')
    await manager.get('data')
    await manager.path('data')
    await manager.unmount({ name: 'data', holder: 'two' })
    expect(counts()).toEqual({})
  })

  test('unmount and detach: one change and one look-up, two where EC2 says later that the disk is free', async () => {
    await create()
    await mount()
    counts()
    await manager.unmount({ name: 'data', holder: 'one' })
    await isDetached()
    await manager.close()
    const { DetachVolume, DescribeVolumes = 0, ...others } = counts()
    expect(others).toEqual({})
    expect(DetachVolume).toBe(1)
    expect(DescribeVolumes).toBeLessThanOrEqual(2)
  })

  test('remove: one change, and one look-up at most', async () => {
    await create()
    counts()
    await manager.remove('data')
    const { DeleteVolume, DescribeVolumes = 0, ...others } = counts()
    expect(others).toEqual({})
    expect(DeleteVolume).toBe(1)
    expect(DescribeVolumes).toBeLessThanOrEqual(1)
  })

  test('list: one for 500 volumes, and none for five seconds', async () => {
    await create()
    counts()
    await Promise.all([manager.list(), manager.list()])
    await manager.list()
    expect(counts()).toEqual({ DescribeVolumes: 1 })
  })
})

describe('at Docker’s hands', () => {
  test('a volume goes from one machine to the other', async () => {
    await create()
    await mount()
    await manager.unmount({ name: 'data', holder: 'one' })
    await isDetached()
    const there = await ebsMountManager(world, world.there)
    try {
      const mounted = await there.mount({ name: 'data', holder: 'two' })
      mounted.delivered()
      expect(world.simulator.named('data')[0]?.attachments[0]?.instanceId).toBe(world.there.id)
    } finally {
      await there.close()
    }
  })

  test('a volume of a machine that runs is refused with its name', async () => {
    await create()
    await mount()
    const there = await ebsMountManager(world, world.there)
    try {
      const refused = there.mount({ name: 'data', holder: 'two' })
      await expect(refused).rejects.toThrow(world.here.id)
      expect(world.simulator.named('data')[0]?.attachments[0]?.instanceId).toBe(world.here.id)
    } finally {
      await there.close()
    }
  })
})
