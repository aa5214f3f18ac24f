import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MountManager } from '../../../src/mount/mount-manager.ts'
import { ebsMountManager } from '../../support/ebs-mount-world.ts'
import { EbsWorld } from '../../support/ebs-world.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let manager: MountManager
beforeEach(async () => {
  // EC2 says that a disk is free when the kernel has lost it: how long it takes otherwise is learnt.
  world = await EbsWorld.open({ delays: { deviceGone: 12, detach: 0, free: 0 } })
  manager = await ebsMountManager(world)
  manager.start()
  await startedLooks()
})
afterEach(async () => {
  await manager.close()
  await world.close()
})

/** What a server looks at when it starts has been asked, and nothing more for a while. */
async function startedLooks(): Promise<void> {
  const looks = () => world.simulator.count('DescribeVolumes')
  await eventually(() => expect(looks()).toBeGreaterThan(0))
  for (let seen = 0; seen !== looks(); ) {
    seen = looks()
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

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

  test('create: one change; who has the name, asked when nobody else here can make it; and whether it is there', async () => {
    await ask('data')
    counts()
    await manager.create('data', {})
    expect(counts()).toEqual({ CreateVolume: 1, DescribeVolumes: 2 })
  })

  test('create of a name that exists: no change and one look-up', async () => {
    await create()
    counts()
    await manager.create('data', {})
    expect(counts()).toEqual({ DescribeVolumes: 1 })
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

  test('mount: one change, and one look-up with Docker’s question before it', async () => {
    await create()
    const there = await ebsMountManager(world, world.there)
    try {
      counts()
      there.start()
      await startedLooks()
      await there.get('other').catch(() => undefined)
      counts()
      await there.get('data')
      const mounted = await there.mount({ name: 'data', holder: 'one' })
      mounted.delivered()
      expect(mounted.mountpoint).toBe('/mnt/data/data')
      expect(counts()).toEqual({ AttachVolume: 1, DescribeVolumes: 1 })
    } finally {
      await there.close()
    }
  })

  test('mount right after create: one change', async () => {
    await create()
    counts()
    expect(await mount()).toBe('/mnt/data/data')
    expect(counts()).toEqual({ AttachVolume: 1 })
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

  test('a mount while it is kept attached for a moment: none', async () => {
    const keeping = { ignoreUsedCount: false, detachDelayMs: 60_000 }
    const lingering = await ebsMountManager(world, world.there, { unmount: keeping })
    try {
      await create()
      const mountThere = async () =>
        (await lingering.mount({ name: 'data', holder: 'one' })).delivered()
      await mountThere()
      await lingering.unmount({ name: 'data', holder: 'one' })
      counts()
      await mountThere()
      expect(counts()).toEqual({})
    } finally {
      await lingering.close()
    }
  })

  test('unmount and detach: one change and one look-up', async () => {
    await create()
    await mount()
    counts()
    await manager.unmount({ name: 'data', holder: 'one' })
    await isDetached()
    await manager.close()
    expect(counts()).toEqual({ DetachVolume: 1, DescribeVolumes: 1 })
  })

  test('remove: one change and one look-up', async () => {
    await create()
    counts()
    await ask('data')
    await manager.remove('data')
    expect(counts()).toEqual({ DeleteVolume: 1, DescribeVolumes: 1 })
  })

  test('list: one for 500 volumes, and none for five seconds', async () => {
    await create()
    counts()
    await Promise.all([manager.list(), manager.list()])
    await manager.list()
    expect(counts()).toEqual({ DescribeVolumes: 1 })
  })

  test('list of 501 volumes: two', async () => {
    await create()
    const { region } = world.simulator
    const [made] = world.simulator.named('data')
    for (let copies = 0; copies < 500; copies += 1) {
      const id = region.newId('vol')
      if (made !== undefined) region.volumes.set(id, { ...made, id, tags: { Name: id } })
    }
    counts()
    expect(await manager.list()).toHaveLength(501)
    expect(counts()).toEqual({ DescribeVolumes: 2 })
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
