import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotFoundError, UnavailableError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

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

describe('a lost answer', () => {
  test.each([
    'IMachine_lockMachine',
    'IMachine_attachDevice',
    'IMachine_saveSettings',
    'ISession_unlockMachine',
  ])('to %s of an attach leaves nothing that a repeat does not mend', async (operation) => {
    const id = await make()
    world.service.failNext(operation, () => 'lost')
    const first = await provider.driver.attachVolume(id, here()).catch((error: unknown) => error)
    const attachment = await provider.driver.attachVolume(id, here())
    if (!(first instanceof Error)) expect(first).toEqual(attachment)
    else expect(first).toBeInstanceOf(UnavailableError)
    expect((await provider.driver.volume(id)).attachments).toEqual([attachment])
    await provider.driver.detachVolume(id, here())
    expect(world.here.machine.sharers.size).toBe(0)
    expect(world.host.died).toBeUndefined()
  })

  test.each([
    ['IMachine_detachDevice', true],
    ['IMachine_saveSettings', true],
    ['ISession_unlockMachine', true],
    ['IMachine_detachDevice', false],
    ['IMachine_saveSettings', false],
  ])('to %s of a detach is mended by a repeat (running: %s)', async (operation, running) => {
    await reopen({ running })
    const id = await make()
    await provider.driver.attachVolume(id, here())
    world.service.failNext(operation, () => 'lost')
    await provider.driver.detachVolume(id, here()).catch(() => {})
    await provider.driver
      .detachVolume(id, here())
      .catch((error: unknown) => expect(error).toBeInstanceOf(NotFoundError))
    expect(await provider.driver.volume(id)).toMatchObject({ state: 'available' })
    expect(world.here.machine.saved.some(({ medium }) => medium?.id === id)).toBe(false)
    await provider.driver.removeVolume(id)
    expect(world.host.died).toBeUndefined()
  })

  test('to a resize, or a removal, is mended by a repeat', async () => {
    const id = await make()
    world.service.failNext('IMedium_resize', () => 'lost')
    await provider.driver.modifyVolume?.(id, { sizeGiB: 2 }).catch(() => {})
    expect(await provider.driver.modifyVolume?.(id, { sizeGiB: 2 })).toMatchObject({ sizeGiB: 2 })
    world.service.failNext('IMedium_deleteStorage', () => 'lost')
    await provider.driver.removeVolume(id).catch(() => {})
    await expect(provider.driver.removeVolume(id)).rejects.toThrow(NotFoundError)
    expect(await provider.driver.volumes()).toEqual([])
  })

  test.each([
    'IVirtualBox_createMedium',
    'IMedium_setDescription',
    'IMedium_createBaseStorage',
    'IProgress_getResultCode',
    'IMedium_setType',
    'IMedium_cloneToBase',
  ])('to %s keeps nobody from making a volume, or a copy of one', async (operation) => {
    const id = await make('source')
    for (const source of [undefined, { kind: 'volume', id } as const]) {
      const name = source === undefined ? 'empty' : 'copy'
      const spec = { name, sizeGiB: 1, labels: {}, ...(source && { source }) }
      world.service.failNext(operation, () => 'lost')
      await provider.driver.createVolume(spec).catch(() => {})
      world.service.faults.clear()
      await provider.driver.createVolume(spec).catch((error: unknown) =>
        // It was made, and the answer alone was lost.
        expect(String(error)).toMatch(/exists already as [0-9a-f-]{36}, use it/),
      )
      expect(await provider.driver.volumes({ name })).toMatchObject([{ state: 'available' }])
      expect([...world.host.disks.files]).toEqual([])
    }
    expect(await provider.driver.volumes()).toHaveLength(3)
  })

  test.each(['IProgress_waitForCompletion', 'IProgress_getCompleted'])(
    'to %s of a snapshot is asked for again, and no second copy is made',
    async (operation) => {
      const id = await make()
      world.service.failNext(operation, () => 'lost')
      const taken = await provider.driver.snapshots?.create(id, { name: 'x', labels: {} })
      expect(await provider.driver.snapshots?.list()).toEqual([taken])
      expect(entrance.calls.filter((one) => one === 'IMedium_cloneToBase')).toHaveLength(1)
    },
  )

  test('to the save of a machine that is off is saved again', async () => {
    await reopen({ running: false })
    const id = await make()
    world.service.failNext('IMachine_saveSettings', () => 'lost')
    await provider.driver.attachVolume(id, here())
    expect(world.here.machine.owner).toBeUndefined()
    expect(world.here.machine.saved.at(-1)).toMatchObject({ port: 2, hotPluggable: true })
  })
})
