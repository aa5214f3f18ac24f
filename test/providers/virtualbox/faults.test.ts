import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AbortedError, FailedPreconditionError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { ApiError } from '../../support/virtualbox/model.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
let entrance: Entrance
beforeEach(() => open())
afterEach(() => world.close())

async function open(options: ConstructorParameters<typeof VirtualboxWorld>[0] = {}): Promise<void> {
  world = new VirtualboxWorld(options)
  ;({ provider, entrance } = await world.process())
  await provider.executor.instance()
}

async function reopen(options: ConstructorParameters<typeof VirtualboxWorld>[0]): Promise<void> {
  await world.close()
  await open(options)
}

const make = async (name = 'data') =>
  (await provider.driver.createVolume({ name, sizeGiB: 1, labels: {} })).id
const here = () => world.here.machine.id

describe('a web session that ends', () => {
  test('between two calls is followed by another one, and nobody notices', async () => {
    const id = await make()
    world.service.sessions.end()
    await provider.driver.attachVolume(id, here())
    world.service.sessions.end()
    expect(await provider.driver.volume(id)).toMatchObject({ state: 'in-use' })
  })

  test.each([true, false])(
    'in the middle of an attach is followed by all of it once more (running: %s)',
    async (running) => {
      await reopen({ running })
      const id = await make()
      world.service.failNext('IMachine_attachDevice', () => {
        world.service.sessions.end()
        return new ApiError(0x80004005, 'the session is gone')
      })
      await provider.driver.attachVolume(id, here()).catch(() => {})
      await provider.driver.attachVolume(id, here())
      expect((await provider.driver.volume(id)).attachments).toHaveLength(1)
    },
  )

  test('many at once begin one', async () => {
    world.service.sessions.end()
    const begun = entrance.calls.length
    await Promise.all(Array.from({ length: 6 }, () => provider.driver.volumes()))
    const logons = entrance.calls.slice(begun).filter((one) => one === 'IWebsessionManager_logon')
    expect(logons).toHaveLength(1)
  })
})

describe('a machine', () => {
  test('that somebody else has locked is waited for', async () => {
    await reopen({ running: false })
    const id = await make()
    for (let time = 0; time < 5; time += 1)
      world.service.failNext(
        'IMachine_lockMachine',
        () => new ApiError(0x80bb0007, 'The machine is already locked for a session'),
      )
    await provider.driver.attachVolume(id, here())
    expect(entrance.calls.filter((one) => one === 'IMachine_lockMachine')).toHaveLength(6)
  })

  test('that stays locked is an error with what VirtualBox says, and the way out', async () => {
    const id = await make()
    for (let time = 0; time < 2_000; time += 1)
      world.service.failNext(
        'IMachine_lockMachine',
        () => new ApiError(0x80bb0007, "The machine 'here' is being powered off"),
      )
    const attempt = provider.driver.attachVolume(id, here())
    await expect(attempt).rejects.toThrow(FailedPreconditionError)
    await expect(attempt).rejects.toThrow(/being powered off.*end what uses it on the host/)
  })

  test('that is saved is not touched, and the error says what can be done', async () => {
    const id = await make()
    world.host.power(world.there.machine, 'Saved')
    const attempt = provider.driver.attachVolume(id, world.there.machine.id)
    await expect(attempt).rejects.toThrow(/state is Saved.*has to be started/)
    expect(await provider.driver.volume(id)).toMatchObject({ state: 'available' })
    expect(world.there.machine.owner).toBeUndefined()
  })

  test('without the controller, or with one that is no SATA, is refused with what there is', async () => {
    const id = await make()
    const kind = 'IStorageController' as const
    world.here.machine.controllers = [{ kind, name: 'IDE', bus: 'IDE', portCount: 2 }]
    await expect(provider.driver.attachVolume(id, here())).rejects.toThrow(
      /no controller "SATA" \(it has "IDE"\).*--add sata --portcount 30/,
    )
    const other = await world.provider(world.here, { controllerName: 'IDE' })
    await expect(other.driver.attachVolume(id, here())).rejects.toThrow('is IDE and not SATA')
  })

  test('takes as many volumes as its controller has ports, whatever it could have', async () => {
    await reopen({ portCount: 4 })
    for (const name of ['a', 'b']) {
      const attachment = await provider.driver.attachVolume(await make(name), here())
      expect(attachment.deviceName).toBe(name === 'a' ? 'SATA:2' : 'SATA:3')
    }
    const attempt = provider.driver.attachVolume(await make('c'), here())
    await expect(attempt).rejects.toThrow(/has no free port, detach volumes.*--portcount 30/)
    expect(world.here.machine.sharers.size).toBe(0)
  })

  test('whose port somebody else took meanwhile gets the next one', async () => {
    const id = await make()
    const { machine } = world.here
    const stolen = { controller: 'SATA', port: 2, device: 0, type: 'DVD' as const }
    world.service.failNext('IMachine_attachDevice', () => {
      machine.slots.push({ ...stolen, medium: undefined, hotPluggable: true, isNew: false })
      return new ApiError(0x80bb000c, 'Device is already attached to port 2')
    })
    const { deviceName } = await provider.driver.attachVolume(id, here())
    expect(deviceName).toBe('SATA:3')
  })
})

describe('a disk', () => {
  test('that was attached while its machine was off can be taken from it while it runs', async () => {
    const { machine } = world.there
    world.host.power(machine, 'PoweredOff')
    const id = await make()
    await provider.driver.attachVolume(id, machine.id)
    world.host.power(machine, 'Running')
    await provider.driver.detachVolume(id, machine.id)
    expect((await provider.driver.volume(id)).attachments).toEqual([])
  })

  test('that was attached by hand as one that cannot be pulled stays, and the error says why', async () => {
    const { machine } = world.there
    world.host.power(machine, 'PoweredOff')
    const id = await make()
    await provider.driver.attachVolume(id, machine.id)
    for (const slot of machine.saved) slot.hotPluggable = false
    machine.slots = machine.saved.map((slot) => ({ ...slot }))
    world.host.power(machine, 'Running')
    await expect(provider.driver.detachVolume(id, machine.id)).rejects.toThrow(
      /cannot be detached from a running machine.*power that machine off/,
    )
  })

  test('behind which a snapshot of its machine put another is found by its base', async () => {
    const id = await make()
    await provider.driver.attachVolume(id, here())
    const base = world.medium(id)
    const { machine } = world.here
    const later = Object.assign(Object.create(Object.getPrototypeOf(base)), base, { base })
    for (const slots of [machine.saved, machine.slots])
      for (const [index, slot] of slots.entries())
        if (slot.medium === base) slots[index] = { ...slot, medium: later }
    expect((await provider.driver.volume(id)).attachments).toMatchObject([{ instanceId: here() }])
  })

  test('whose file is gone is a volume in error that cannot be attached', async () => {
    const id = await make()
    world.medium(id).state = 'Inaccessible'
    expect(await provider.driver.volume(id)).toMatchObject({
      state: 'error',
      problem: expect.stringContaining('VERR_FILE_NOT_FOUND'),
    })
    await expect(provider.driver.attachVolume(id, here())).rejects.toThrow('put its file back')
  })

  test('in the format of VMDK is made where it is asked for, and never said to have grown', async () => {
    const { driver } = provider
    const { id } = await driver.createVolume({ name: 'old', sizeGiB: 1, type: 'vmdk', labels: {} })
    expect(world.medium(id)).toMatchObject({ location: `${VOLUMES}/old.vmdk`, format: 'VMDK' })
    await expect(driver.modifyVolume?.(id, { sizeGiB: 2 })).rejects.toThrow('cannot be made larger')
    expect(await driver.volume(id)).toMatchObject({ name: 'old', sizeGiB: 1, type: 'vmdk' })
  })

  test('whose copy outlasts its caller is copied to the end', async () => {
    const source = { kind: 'volume', id: await make() } as const
    const caller = new AbortController()
    const { signal } = caller
    world.host.disks.holdsCopies = true
    const spec = { name: 'copy', sizeGiB: 3, labels: {}, source }
    const copied = provider.driver.createVolume(spec, { signal })
    await eventually(() => expect(entrance.calls).toContain('IMedium_cloneToBase'))
    caller.abort()
    await expect(copied).rejects.toThrow(AbortedError)
    world.host.disks.finishMaking()
    await eventually(async () => {
      const [made] = await provider.driver.volumes({ name: 'copy' })
      expect(made).toMatchObject({ sizeGiB: 3, madeFrom: 'volume', state: 'available' })
      expect(world.medium(made?.id ?? '').type).toBe('Writethrough')
    })
  })

  test('that is copied is refused where a running machine has it, and left alone', async () => {
    const id = await make()
    await provider.driver.attachVolume(id, here())
    const taken = provider.driver.snapshots?.create(id, { name: 'x', labels: {} })
    await expect(taken).rejects.toThrow(/attached to a running machine.*stop what uses it/)
    expect(await provider.driver.snapshots?.list()).toEqual([])
  })
})

test('the references of many calls are given back', async () => {
  const id = await make()
  const count = async () => {
    await provider.driver.attachVolume(id, here())
    await provider.driver.detachVolume(id, here())
    return world.service.sessions.references
  }
  const after = await count()
  for (let round = 0; round < 5; round += 1) expect(await count()).toBe(after)
})
