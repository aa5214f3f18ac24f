import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { TimeoutError } from '../../../src/libstorage/errors.ts'
import type { StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import {
  ApiError,
  SimLock,
  type SimMachine,
  SimSessionMachine,
} from '../../support/virtualbox/model.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
afterEach(() => world.close())

test('a lock whose answer came too late is given back when it is there', async () => {
  world = new VirtualboxWorld({ running: false })
  const { driver } = await world.provider()
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const { machine, libDirectory } = world.here
  const locks = () => readdirSync(path.join(libDirectory, 'virtualbox/locks'))
  const hasty = (await world.process(world.here, {}, { timeoutMs: 300 })).provider.driver
  const { promise: opened, resolve: open } = gate()
  world.service.gates.set('IMachine_lockMachine', opened)
  await expect(hasty.attachVolume(id, machine.id)).rejects.toThrow(TimeoutError)
  world.service.gates.clear()
  expect(locks()).toHaveLength(1)

  // What is not locked yet may be so later.
  await hasty.attachVolume(id, world.there.machine.id)
  await hasty.detachVolume(id, world.there.machine.id)
  expect(locks()).toHaveLength(1)
  open()
  await eventually(() => expect(machine.owner).toBeDefined())
  await hasty.attachVolume(id, machine.id)
  expect(machine.owner).toBeUndefined()
  expect(locks()).toEqual([])
})

describe('an unlock that does not happen', () => {
  let closed: () => Promise<unknown>
  async function attachHasty(whose = {}): Promise<StorageDriver> {
    const { provider } = await world.process(world.here, {}, { timeoutMs: 300, ...whose })
    const { driver } = provider
    closed = async () => await provider.close?.()
    const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    await driver.attachVolume(id, world.here.machine.id)
    return driver
  }

  const isFree = async (driver: StorageDriver) => {
    const [volume] = await driver.volumes()
    await driver.detachVolume(volume?.id ?? '', world.here.machine.id)
    expect(world.here.machine.owner).toBeUndefined()
    expect(readdirSync(path.join(world.here.libDirectory, 'virtualbox/locks'))).toEqual([])
  }

  test('because it is refused is made good at the next chance', async () => {
    world = new VirtualboxWorld({ running: false })
    world.service.failNext('ISession_unlockMachine', () => new ApiError(0x80004005, 'busy'))
    const driver = await attachHasty()
    expect(world.here.machine.owner).toBeDefined()
    await isFree(driver)
  })

  test('in time does so later, and the machine is as free as before', async () => {
    world = new VirtualboxWorld({ running: false })
    const { promise: opened, resolve: open } = gate()
    world.service.gates.set('ISession_unlockMachine', opened)
    const driver = await attachHasty()
    world.service.gates.clear()
    open()
    await eventually(() => expect(world.here.machine.owner).toBeUndefined())
    await isFree(driver)
  })

  test('is made good before the web session ends, by which it could be', async () => {
    world = new VirtualboxWorld({ running: false })
    const refuse = () => new ApiError(0x80004005, 'busy')
    world.service.failNext('ISession_unlockMachine', refuse)
    await attachHasty()
    await closed()
    expect([world.here.machine.owner, world.service.sessions.count]).toEqual([undefined, 0])
  })

  test('keeps the web session for the next process where it cannot be made good', async () => {
    world = new VirtualboxWorld({ running: false })
    const refuse = () => new ApiError(0x80004005, 'busy')
    for (let time = 0; time < 2; time++) world.service.failNext('ISession_unlockMachine', refuse)
    await attachHasty({ isDying: true })
    await closed()
    expect(world.service.sessions.count).toBe(1)
    await (await world.provider()).driver.volumes()
    expect([world.here.machine.owner, world.service.sessions.count]).toEqual([undefined, 1])
  })
})

/** Lets saves of this machine fail until it is called. */
function refuseSaving(refused: SimMachine): () => void {
  const { host } = world
  const save = host.save.bind(host)
  host.save = (where) => {
    const machine = where instanceof SimSessionMachine ? where.machine : where
    if (machine !== refused) return save(where)
    throw new ApiError(0x80bb0004, 'Could not save the settings file (VERR_DISK_FULL)')
  }
  return () => {
    host.save = save
  }
}

/** Holds operations of this name back until so many are asked for, and somebody lets them go on. */
function holdBack(operation: string, { calls }: Entrance) {
  const { promise, resolve } = gate()
  world.service.gates.set(operation, promise)
  return {
    reachedBy: async (count: number) => {
      const asked = () => calls.filter((name) => name === operation)
      await eventually(() => expect(asked()).toHaveLength(count))
      return resolve
    },
  }
}

test.each([false, true])(
  'two machines that one process left locked are both freed, also where one cannot be saved at first (%s)',
  async (isRefused) => {
    world = new VirtualboxWorld({ running: false })
    const { here, there } = world
    const dying = await world.process(here, {}, { isDying: true })
    // None sees the other's lock as one that was left.
    const locking = holdBack('IWebsessionManager_getSessionObject', dying.entrance)
    const attaching = holdBack('IMachine_attachDevice', dying.entrance)
    for (const { machine } of [here, there]) {
      const spec = { name: machine.name, sizeGiB: 1, labels: {} }
      const { id } = await dying.provider.driver.createVolume(spec)
      void dying.provider.driver.attachVolume(id, machine.id).catch(() => {})
    }
    const letLock = await locking.reachedBy(2)
    letLock()
    const letAttach = await attaching.reachedBy(2)
    dying.entrance.isCut = true
    letAttach()
    const allow = isRefused ? refuseSaving(there.machine) : () => {}
    await (await world.provider()).driver.volumes()
    expect(here.machine.owner).toBeUndefined()
    expect(there.machine.owner === undefined).toBe(!isRefused)
    allow()
    await (await world.provider()).driver.volumes()
    expect([here.machine.owner, there.machine.owner]).toEqual([undefined, undefined])
    expect(there.machine.saved.map(({ medium }) => medium?.location)).toContain(
      `${VOLUMES}/there.vdi`,
    )
  },
)

test('a machine that is left locked and cannot be saved stands in the way of no other, and is told of once', async () => {
  const told: string[] = []
  world = new VirtualboxWorld({ running: false, warn: (message) => told.push(message) })
  const { here, there } = world
  const dying = await world.process(here, {}, { isDying: true, timeoutMs: 500 })
  const { id } = await dying.provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  dying.entrance.dieAfterThe('IMachine_lockMachine')
  await expect(dying.provider.driver.attachVolume(id, there.machine.id)).rejects.toThrow()
  const save = refuseSaving(there.machine)
  const { driver } = await world.provider()
  await driver.attachVolume(id, here.machine.id)
  await driver.detachVolume(id, here.machine.id)
  await expect(driver.attachVolume(id, there.machine.id)).rejects.toThrow('VERR_DISK_FULL')
  expect(told).toHaveLength(1)
  expect(told[0]).toMatch(new RegExp(`machine ${there.machine.id} .*VERR_DISK_FULL`))
  save()
  await driver.attachVolume(id, there.machine.id)
  expect(there.machine.owner).toBeUndefined()
})

test('a machine that starts while its lock is waited for gets its disk as one that runs', async () => {
  world = new VirtualboxWorld({ running: false })
  const { provider, entrance } = await world.process()
  const { driver } = provider
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const { promise: opened, resolve: open } = gate()
  world.service.gates.set('IMachine_lockMachine', opened)
  const attached = driver.attachVolume(id, world.here.machine.id)
  await eventually(() => expect(entrance.calls).toContain('IMachine_lockMachine'))
  world.host.power(world.here.machine, 'Running')
  open()
  const attachment = await attached
  expect((await driver.volume(id)).attachments).toEqual([attachment])
})

describe('a machine whose settings somebody has open at the host', () => {
  const dialog = new SimLock()

  async function open(): Promise<{ readonly driver: StorageDriver; readonly id: string }> {
    world = new VirtualboxWorld({ running: false })
    const { driver } = await world.provider()
    const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    world.host.lock(world.here.machine, dialog, 'Write')
    return { driver, id }
  }

  test('is used all the same, and keeps its disk', async () => {
    const { driver, id } = await open()
    const { machine } = world.here
    const attachment = await driver.attachVolume(id, machine.id)
    world.host.unlock(dialog)
    expect((await driver.volume(id)).attachments).toEqual([attachment])
    expect(machine.owner).toBeUndefined()
    await driver.detachVolume(id, machine.id)
    expect(world.medium(id).machineIds.size).toBe(0)
  })

  test('who closes them in the middle of an attach, is locked anew', async () => {
    const { driver, id } = await open()
    world.service.failNext('IMachine_attachDevice', () => {
      world.host.unlock(dialog)
      return new ApiError(0x80070005, 'The object is not ready')
    })
    const attachment = await driver.attachVolume(id, world.here.machine.id)
    expect((await driver.volume(id)).attachments).toEqual([attachment])
    expect(world.here.machine.owner).toBeUndefined()
  })
})
