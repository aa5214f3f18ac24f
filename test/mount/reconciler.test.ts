import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { UnavailableError } from '../../src/libstorage/errors.ts'
import type { LedgerRecord } from '../../src/mount/ledger-record.ts'
import { eventually } from '../support/eventually.ts'
import { MountWorld, mounted } from '../support/mount-world.ts'
import { settled, timePasses } from '../support/passing-time.ts'

let world: MountWorld
beforeEach(() => {
  world = new MountWorld()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(async () => {
  vi.useRealTimers()
  await world.end()
})

const record = () => world.ledger().all()[0]
const attachments = () => world.platform.volumes()[0]?.attachments ?? []
const change = (changed: Partial<LedgerRecord>) => {
  const before = record()
  if (before === undefined) throw new Error('there is no record')
  return world.ledger().put({ ...before, ...changed })
}

const pass = (ms: number) => timePasses(world, ms)
const settle = () => settled(world)

/** A volume that is attached here as a reboot leaves it: its mount is gone. */
async function rebooted(): Promise<void> {
  const before = world.manager()
  await before.create('data', {})
  await mounted(before, 'data', 'a')
  await settle()
  await before.close()
  await world.kernel.unmount('/mnt/data')
  await change({ bootId: 'an earlier one' })
}

describe('after a reboot', () => {
  test('what nobody mounts within 120 s of the start is detached', async () => {
    await rebooted()
    world.manager().start()
    await settle()
    expect(record()?.references).toEqual([])
    await pass(119_000)
    expect(attachments()).toHaveLength(1)
    await pass(1_000)
    await eventually(() => expect(attachments()).toEqual([]))
    expect(record()).toBeUndefined()
  })

  test('a command that comes before the server uses the volume brings no holder of before back', async () => {
    await rebooted()
    const command = world.manager('command')
    await mounted(command, 'data', 'cli')
    await command.close()
    world.manager().start()
    await settle()
    expect(record()?.references.map(({ id }) => id)).toEqual(['cli'])
  })

  test.each(['detach', 'remove'] as const)(
    'a command may %s what only holders of before had',
    async (what) => {
      await rebooted()
      await world.manager('command')[what]('data')
      expect(attachments()).toEqual([])
    },
  )

  test('what somebody mounts in time stays', async () => {
    await rebooted()
    const manager = world.manager()
    manager.start()
    await settle()
    await mounted(manager, 'data', 'b')
    await pass(200_000)
    expect([attachments().length, world.isMounted('data')]).toEqual([1, true])
  })

  test('a server that starts once more in the meantime gives as much time again', async () => {
    await rebooted()
    const first = world.manager()
    first.start()
    await settle()
    await pass(60_000)
    await first.close()
    world.manager().start()
    await settle()
    await pass(100_000)
    expect(attachments()).toHaveLength(1)
    await pass(20_000)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('what was attached by hand is never touched, not even where it takes the place of ours', async () => {
    await rebooted()
    const [volume] = world.platform.volumes()
    world.platform.pull(volume?.id ?? '')
    world.platform.attachByHand(volume?.id ?? '', 'here')
    world.manager().start()
    await settle()
    await pass(200_000)
    await eventually(() => expect(record()).toBeUndefined())
    expect(attachments()).toHaveLength(1)
  })

  test('a copy of the machine lets the original keep its volume', async () => {
    await rebooted()
    const before = attachments()[0]
    world.platform.pull(before?.volumeId ?? '')
    const kept = world.platform.attachByHand(before?.volumeId ?? '', 'original')
    await change({ attachment: { instanceId: 'original', since: kept.since.toISOString() } })
    world.manager().start()
    await settle()
    await pass(200_000)
    await eventually(() => expect(record()).toBeUndefined())
    expect(attachments()).toEqual([kept])
  })

  test('what somebody mounts by hand at its place is adopted', async () => {
    await rebooted()
    await world.kernel.mount({ device: attachments()[0]?.deviceName ?? '' }, '/mnt/data', 'ext4')
    const manager = world.manager()
    manager.start()
    await settle()
    await pass(200_000)
    expect([record()?.adopted, world.isMounted('data')]).toEqual([true, true])
    await manager.unmount({ name: 'data', holder: 'x' })
    expect(attachments()).toEqual([])
  })
})

describe('a format that was cut short', () => {
  /** The server was killed while mkfs ran, which was killed too. */
  async function halfFormatted(): Promise<void> {
    const before = world.manager()
    await before.create('data', {})
    world.kernel.before = async (effect) => {
      if (effect.startsWith('mkfs'))
        throw new UnavailableError({ subject: 'mkfs', problem: 'was killed' })
    }
    await expect(before.mount({ name: 'data', holder: 'a' })).rejects.toThrow('was killed')
    world.kernel.before = async () => {}
    await before.close()
    await change({ tool: undefined })
    expect(record()?.formatIntent).toBeDefined()
  }

  test('is finished after 120 s if nobody repeats the Mount, and the volume is let go', async () => {
    await halfFormatted()
    world.manager().start()
    await settle()
    expect(attachments()).toHaveLength(1)
    await pass(120_000)
    await eventually(() => expect(world.isMounted('data')).toBe(true))
    await settle()
    await pass(0)
    await eventually(() => expect(attachments()).toEqual([]))
    expect(world.disks.of(world.platform.volumes()[0]?.id ?? '')).toMatchObject({ fsType: 'ext4' })
  })

  test('is not begun anew where its attachment has ended', async () => {
    await halfFormatted()
    const id = world.platform.volumes()[0]?.id ?? ''
    world.platform.pull(id)
    world.manager().start()
    await settle()
    await pass(120_000)
    await settle()
    await pass(0)
    await eventually(() => expect(record()).toBeUndefined())
    expect(world.disks.of(id)).toEqual({ kind: 'half' })
  })
})

describe('what a killed command leaves behind', () => {
  test('is released by the running server within seconds', async () => {
    const server = world.manager()
    await server.create('data', {})
    server.start()
    await settle()
    const command = world.manager('command')
    await mounted(command, 'data', 'cli')
    await settle()
    // As if it had died between its mount and its reference.
    await change({ references: [] })
    await pass(3_000)
    expect(world.isMounted('data')).toBe(true)
    await pass(3_000)
    await pass(0)
    await eventually(() => expect(attachments()).toEqual([]))
  })

  test('while others use the volume nothing is done', async () => {
    const server = world.manager()
    await server.create('data', {})
    server.start()
    await mounted(server, 'data', 'a')
    for (let look = 0; look < 5; look++) await pass(3_000)
    expect(world.isMounted('data')).toBe(true)
  })
})

describe('the platform', () => {
  test('is asked once at a start, however many volumes there are', async () => {
    const before = world.manager()
    for (const name of ['one', 'two', 'three']) {
      await before.create(name, {})
      await mounted(before, name, 'a')
    }
    await settle()
    await before.close()
    const [volumes, volume] = [world.platform.count('volumes'), world.platform.count('volume')]
    world.manager().start()
    await settle()
    expect(world.platform.count('volumes') - volumes).toBe(1)
    expect(world.platform.count('volume') - volume).toBe(0)
  })

  test('that does not answer holds nobody up, and is asked again', async () => {
    const before = world.manager()
    await before.create('data', {})
    await mounted(before, 'data', 'a')
    await settle()
    await before.close()
    world.platform.failAlways('volumes', new UnavailableError({ subject: 'x', problem: 'is out' }))
    const manager = world.manager()
    manager.start()
    expect((await manager.get('data')).mountpoint).toBe('/mnt/data/data')
    await settle()
    world.platform.failAlways('volumes')
    const asked = world.platform.count('volumes')
    await pass(30_000)
    expect(world.platform.count('volumes')).toBe(asked + 1)
  })

  test('that gave the volume to another machine is believed where the device is gone too', async () => {
    const before = world.manager()
    await before.create('data', {})
    await mounted(before, 'data', 'a')
    await settle()
    await before.close()
    const id = world.platform.volumes()[0]?.id ?? ''
    world.platform.pull(id)
    world.platform.attachByHand(id, 'there')
    world.manager().start()
    await settle()
    expect(world.events.at(-1)).toMatchObject({ kind: 'lost', instance: 'there' })
    expect(record()?.references).toMatchObject([{ id: 'a' }])
    expect(attachments()).toMatchObject([{ instanceId: 'there' }])
  })
})
