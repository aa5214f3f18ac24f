import { AttachVolumeCommand } from '@aws-sdk/client-ec2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  FailedPreconditionError,
  NotFoundError,
  ResourceExhaustedError,
  TimeoutError,
} from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { EbsWorld, ebsSpec, patient } from '../../support/ebs-world.ts'
import { clientOf } from '../../support/ec2/client.ts'
import type { PlainDisks } from '../../support/ec2/plain-disks.ts'
import type { SimMachine } from '../../support/ec2/simulator.ts'
import { eventually } from '../../support/eventually.ts'

let world: EbsWorld
let provider: Provider
beforeEach(async () => {
  world = await EbsWorld.open()
  provider = await world.provider()
})
afterEach(() => world.close())

const make = async (name = 'data', from = provider, rest = {}) =>
  (await from.driver.createVolume(ebsSpec(name, rest))).id
const attach = (id: string, to = world.here) => provider.driver.attachVolume(id, to.id)
const attached = async (id: string, from = provider, to = world.here) =>
  await patient(from).driver.attachVolume(id, to.id)
const volume = (id: string) => world.simulator.region.volume(id)
const quick = (machine = world.here) => world.provider(machine, { statusTimeout: '300ms' })
const disksOf = (machine: SimMachine) => machine.disks as PlainDisks

describe('attach', () => {
  test.each(['before', 'after'] as const)(
    'is done once where the connection drops %s the work',
    async (when) => {
      const id = await make()
      world.simulator.faults.next('AttachVolume', { kind: 'drop', when })
      const attachment = await attach(id)
      expect(volume(id).attachments.map(({ time }) => time)).toEqual([attachment.since])
    },
  )

  test('of twenty at once succeeds for all, each under a name of its own', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `data${index}`)
    const ids = await Promise.all(names.map((name) => make(name)))
    world.simulator.takeCounts()
    const all = await Promise.all(ids.map((id) => attach(id)))
    expect(new Set(all.map(({ deviceName }) => deviceName)).size).toBe(20)
    const { AttachVolume, DescribeVolumes = 0 } = world.simulator.takeCounts()
    expect(AttachVolume).toBe(20)
    expect(DescribeVolumes).toBeLessThanOrEqual(1)
    await eventually(async () => {
      const found = await Promise.all(all.map((one) => provider.executor.device(one)))
      expect(new Set(found).size).toBe(20)
      expect(found).not.toContain(undefined)
    })
  })

  test('takes another name where somebody attached a disk by hand under ours', async () => {
    await attached(await make('first'))
    const [byHand, mine] = [await make('hand'), await make('mine')]
    const used = volume((await provider.driver.volumes({ name: 'first' }))[0]?.id ?? '').attachments
    const next = `/dev/xvda${String.fromCharCode((used[0]?.device.charCodeAt(9) ?? 0) + 1)}`
    await clientOf(world.simulator).send(
      new AttachVolumeCommand({ VolumeId: byHand, InstanceId: world.here.id, Device: next }),
    )
    expect((await attach(mine)).deviceName).not.toBe(next)
    expect(volume(mine).attachments).toHaveLength(1)
  })

  test('waits while the volume is still being made or detached', async () => {
    await attached(await make('first'))
    const id = await make()
    await attached(id, await world.provider(world.there), world.there)
    const other = await world.provider(world.there)
    const detaching = other.driver.detachVolume(id, world.there.id)
    await eventually(() => expect(volume(id).attachments[0]?.state).not.toBe('attached'), {
      interval: 1,
    })
    // Until then it is another machine's, and is refused with its name.
    await attach(id).catch((error: unknown) => {
      expect(String(error)).toContain(world.there.id)
    })
    await detaching
    expect((await attach(id)).instanceId).toBe(world.here.id)
  })

  test('is refused in another zone, with the way out', async () => {
    const id = await make('far', provider, { zone: 'us-east-1b' })
    await expect(attach(id)).rejects.toThrow(FailedPreconditionError)
    await expect(attach(id)).rejects.toThrow(
      /not in the same availability zone .*move it by a snapshot/,
    )
  })

  test('is refused where the instance is full, with the numbers', async () => {
    const small = await world.simulator.launch({ type: 't3.nano' })
    const there = await world.provider(small)
    for (const name of ['a', 'b', 'c']) await attached(await make(name), there, small)
    const refused = there.driver.attachVolume(await make('d'), small.id)
    await expect(refused).rejects.toThrow(ResourceExhaustedError)
    await expect(refused).rejects.toThrow(
      `attached to ${small.id} (t3.nano), which has 4 volumes, of the 4 it can have`,
    )
  })

  test('to an instance that is unknown names that', async () => {
    const attempt = provider.driver.attachVolume(await make(), 'i-0aaaaaaaaaaaaaaaa')
    await expect(attempt).rejects.toThrow('instance i-0aaaaaaaaaaaaaaaa not found')
  })

  test('that stays attaching for ever shows no disk, and can be ended and repeated', async () => {
    const id = await make()
    world.simulator.region.stuckAttaching.add(id)
    const stuck = await attach(id)
    expect(await provider.executor.device(stuck)).toBeUndefined()
    await provider.driver.detachVolume(id, world.here.id)
    expect(await provider.executor.device(await attached(id))).toBeDefined()
  })

  test('is believed though look-ups still show the volume without it', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 100, attach: 20 } })
    provider = await world.provider()
    const attachment = await attach(await make())
    await eventually(async () => expect(await provider.executor.device(attachment)).toBeDefined())
  })
})

describe('on Xen', () => {
  test('the disk is that of the name under which EC2 attached the volume', async () => {
    const machine = await world.simulator.launch({ type: 'm4.large' })
    const there = await world.provider(machine)
    const ids = [await make('one'), await make('two')]
    const [one, two] = [
      await attached(ids[0] ?? '', there, machine),
      await attached(ids[1] ?? '', there, machine),
    ]
    expect(await there.executor.device(one)).toMatch(/\/dev\/xvdaa$/)
    expect(await there.executor.device(two)).toMatch(/\/dev\/xvdab$/)
    await there.driver.detachVolume(one.volumeId, machine.id)
    expect(await there.executor.device(one)).toBeUndefined()
  })
})

describe('detach', () => {
  test.each(['before', 'after'] as const)(
    'is done where the connection drops %s the work',
    async (when) => {
      const id = await make()
      await attached(id)
      world.simulator.faults.next('DetachVolume', { kind: 'drop', when })
      await provider.driver.detachVolume(id, world.here.id)
      expect(volume(id)).toMatchObject({ attachments: [] })
    },
  )

  test('says when EC2 has taken the request, before the volume is free', async () => {
    provider = await quick()
    const id = await make()
    await attached(id)
    world.here.onHeldDisk('busy')
    disksOf(world.here).held.add(id)
    let taken = 0
    const accepted = async () => {
      taken += 1
    }
    await expect(provider.driver.detachVolume(id, world.here.id, { accepted })).rejects.toThrow(
      TimeoutError,
    )
    expect(taken).toBe(1)
  })

  test('of a mounted disk pulls it, also without force', async () => {
    const id = await make()
    await attached(id)
    disksOf(world.here).held.add(id)
    await provider.driver.detachVolume(id, world.here.id)
    expect(disksOf(world.here).pulled).toEqual([id])
  })

  test('that EC2 lets wait for the machine is said when the time is up, goes on, and is done at the repeat', async () => {
    provider = await quick()
    const id = await make()
    await attached(id)
    world.here.onHeldDisk('busy')
    disksOf(world.here).held.add(id)
    const detach = () => provider.driver.detachVolume(id, world.here.id)
    await expect(detach()).rejects.toThrow(TimeoutError)
    await expect(detach()).rejects.toThrow(
      /is still detaching at i-\w+ after 0 s, see whether something there/,
    )
    disksOf(world.here).held.delete(id)
    await detach().catch((error: unknown) => expect(error).toBeInstanceOf(NotFoundError))
    expect(volume(id).attachments).toEqual([])
  })

  test('from a machine that hangs succeeds by force alone', async () => {
    const other = await quick(world.there)
    const id = await make()
    await attached(id)
    world.here.hang()
    await expect(other.driver.detachVolume(id, world.here.id)).rejects.toThrow(TimeoutError)
    await other.driver.detachVolume(id, world.here.id, { force: true })
    await attached(id, other, world.there)
  })

  test('from a machine that is stopped needs no force, and from one that is gone nothing', async () => {
    const other = await world.provider(world.there)
    const id = await make()
    await attached(id)
    world.here.stop()
    await eventually(() => expect(world.here.state()).toBe('stopped'))
    await other.driver.detachVolume(id, world.here.id)
    await attached(id, other, world.there)
    world.there.terminate()
    await eventually(() => expect(world.simulator.region.volume(id).attachments).toEqual([]))
    await expect(other.driver.detachVolume(id, world.there.id)).rejects.toThrow(NotFoundError)
  })

  test('is known to be done though look-ups lag', async () => {
    await world.close()
    world = await EbsWorld.open({ delays: { lag: 60 } })
    provider = await world.provider()
    const id = await make()
    await attached(id)
    await provider.driver.detachVolume(id, world.here.id)
    expect((await provider.driver.volume(id)).attachments).toEqual([])
  })
})

describe('removal', () => {
  test.each(['before', 'after'] as const)(
    'is done where the connection drops %s the work',
    async (when) => {
      const id = await make()
      world.simulator.faults.next('DeleteVolume', { kind: 'drop', when })
      await provider.driver.removeVolume(id).catch((error: unknown) => {
        expect(error).toBeInstanceOf(NotFoundError)
      })
      expect(world.simulator.named('data')).toEqual([])
    },
  )
})

describe('other instances', () => {
  test('are known by their states, and since when', async () => {
    const { instances } = provider.driver
    const { id } = world.there
    expect(await instances?.status(id)).toEqual({ id, state: 'running' })
    await instances?.stop(id)
    expect(await instances?.status(id)).toMatchObject({
      state: 'stopping',
      since: expect.any(Date),
    })
    await eventually(async () =>
      expect(await instances?.status(id)).toMatchObject({ state: 'stopped' }),
    )
    world.there.terminate()
    expect(await instances?.status(id)).toMatchObject({ state: 'stopping' })
    await eventually(async () =>
      expect(await instances?.status(id)).toMatchObject({ state: 'terminated' }),
    )
    world.there.forget()
    expect(await instances?.status(id)).toBeUndefined()
    expect(await instances?.status('no id at all')).toBeUndefined()
    await expect(instances?.stop(id)).rejects.toThrow(`instance ${id} not found`)
  })
})
