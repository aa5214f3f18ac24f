import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotFoundError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { SimMedium } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
beforeEach(async () => {
  world = new VirtualboxWorld()
  provider = await world.provider()
})
afterEach(() => world.close())

/** A disk that somebody else made. */
function foreign(location: string, format = 'vmdk'): SimMedium {
  const medium = new SimMedium(location, format)
  medium.create(2 * 2 ** 30)
  world.host.disks.add(medium)
  return medium
}

const names = async () => (await provider.driver.volumes()).map(({ name }) => name).sort()

describe('what is a volume', () => {
  test('a disk that a machine starts from is none: not listed, attached or removed', async () => {
    const [{ medium: system } = {}] = world.here.machine.saved
    const id = system?.id ?? ''
    expect(await names()).toEqual([])
    const { driver } = provider
    await expect(driver.volume(id)).rejects.toThrow(NotFoundError)
    await expect(driver.removeVolume(id)).rejects.toThrow(NotFoundError)
    await expect(driver.attachVolume(id, world.there.machine.id)).rejects.toThrow(NotFoundError)
    await expect(driver.detachVolume(id, world.here.machine.id)).rejects.toThrow(NotFoundError)
    expect(world.host.disks.all).toContain(system)
  })

  test('nor is it one where the folder for volumes is the one of the machines', async () => {
    const folder = '/home/me/VirtualBox VMs'
    const above = await world.provider(world.here, { volumePath: folder })
    const inside = await world.provider(world.here, { volumePath: `${folder}/here` })
    expect(await above.driver.volumes()).toEqual([])
    expect(await inside.driver.volumes()).toEqual([])
    const [{ medium: system } = {}] = world.here.machine.saved
    await expect(inside.driver.removeVolume(system?.id ?? '')).rejects.toThrow(NotFoundError)
  })

  test('a disk of REX-Ray’s is one, by its file name, and can be used', async () => {
    const { id } = foreign(`${VOLUMES}/pg`)
    foreign(`${VOLUMES}/box-disk1.vmdk`)
    foreign('/elsewhere/other.vdi')
    expect(await names()).toEqual(['box-disk1.vmdk', 'pg'])
    const { driver } = provider
    const attachment = await driver.attachVolume(id, world.here.machine.id)
    const [seen] = await driver.volumes({ name: 'pg' })
    expect(seen).toMatchObject({ id, managed: false, sizeGiB: 2, attachments: [attachment] })
    expect(seen?.madeFrom).toBeUndefined()
  })

  test('a description that somebody wrote is kept beside ours', async () => {
    const medium = foreign(`${VOLUMES}/pg`)
    medium.description = 'the database\nof the shop'
    await provider.driver.attachVolume(medium.id, world.here.machine.id)
    await provider.driver.detachVolume(medium.id, world.here.machine.id)
    expect(medium.description).toMatch(/^the database\nof the shop\nremora \{.*\}$/)
  })

  test('one that was moved elsewhere by hand still is, by its mark', async () => {
    const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    world.medium(id).location = '/mnt/big/renamed.vdi'
    expect(await names()).toEqual(['data'])
  })

  test('names that not every host can have as file names are kept', async () => {
    const odd = ['ü "x"', 'con', 'a:b', 'dot.', 'x'.repeat(128), '日'.repeat(80)]
    for (const name of odd) await provider.driver.createVolume({ name, sizeGiB: 1, labels: {} })
    expect(await names()).toEqual([...odd].sort())
    for (const { location } of world.host.disks.all.slice(2))
      expect(location.slice(VOLUMES.length + 1)).toMatch(/^[A-Za-z0-9%_.~ -]{1,220}$/)
  })

  test('one of a host that is Windows lies in its folder in any letter case', async () => {
    const windows = await world.provider(world.here, { volumePath: 'C:\\Users\\me\\volumes\\' })
    foreign('c:\\users\\me\\Volumes\\pg')
    foreign('C:\\Users\\me\\VirtualBox VMs\\x\\x.vdi', 'VDI')
    expect((await windows.driver.volumes()).map(({ name }) => name)).toEqual(['pg'])
  })
})

describe('a disk that was attached', () => {
  test('by hand has no time of its beginning, and can be taken off', async () => {
    const medium = foreign(`${VOLUMES}/pg`)
    const { machine } = world.there
    medium.machineIds.add(machine.id)
    const slot = { controller: 'SATA', port: 4, device: 0, type: 'HardDisk' as const }
    for (const slots of [machine.saved, machine.slots])
      slots.push({ ...slot, medium, hotPluggable: true, isNew: false })
    expect((await provider.driver.volume(medium.id)).attachments).toMatchObject([
      { instanceId: machine.id, since: new Date(0), deviceName: 'SATA:4' },
    ])
    await provider.driver.detachVolume(medium.id, machine.id)
    expect((await provider.driver.volume(medium.id)).attachments).toEqual([])
  })

  test('and never saved is not attached, whatever it takes itself for', async () => {
    const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    world.medium(id).machineIds.add(world.here.machine.id)
    expect(await provider.driver.volume(id)).toMatchObject({ state: 'available', attachments: [] })
    const attempt = provider.driver.attachVolume(id, world.here.machine.id)
    await expect(attempt).rejects.toThrow(/restart the VirtualBox service of the host/)
  })
})

test('a disk that holds no whole number of GiB is not made smaller to the size that is shown', async () => {
  const medium = foreign(`${VOLUMES}/pg`)
  medium.sizeBytes = 1.5 * 2 ** 30
  const [seen] = await provider.driver.volumes()
  const { id = '', sizeGiB = 0 } = seen ?? {}
  expect(await provider.driver.modifyVolume?.(id, { sizeGiB })).toMatchObject({ sizeGiB: 1 })
  expect(medium.sizeBytes).toBe(1.5 * 2 ** 30)
})

describe('a disk that somebody made one of another type', () => {
  test.each([
    ['Shareable', 'gives it to several running machines at once'],
    ['MultiAttach', 'gives each machine an image of its own'],
    ['Immutable', 'forgets what was written when the machine is powered off'],
    ['Readonly', 'lets nobody write to it'],
    ['Tomorrow', 'keeps it in a way that is not known to hold'],
  ])('%s, is not attached, and the error says why', async (type, why) => {
    const medium = foreign(`${VOLUMES}/pg`)
    medium.type = type
    const attempt = provider.driver.attachVolume(medium.id, world.here.machine.id)
    await expect(attempt).rejects.toMatchObject({
      code: 'ERR_FAILED_PRECONDITION',
      message: expect.stringMatching(
        new RegExp(`"pg" .* type ${type}: VirtualBox ${why}.*, .*${medium.id} --type writethrough`),
      ),
    })
    expect([medium.machineIds.size, medium.description]).toEqual([0, ''])
  })
})

describe('where a machine cannot be read', () => {
  beforeEach(async () => {
    const { machine } = world.there
    const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
    await provider.driver.attachVolume(id, machine.id)
    await provider.driver.createVolume({ name: 'free', sizeGiB: 1, labels: {} })
    const system = machine.saved[0]?.medium
    if (system !== undefined) system.location = `${VOLUMES}/system.vdi`
  })

  const known = async () => provider
  const fresh = () => world.provider()

  test.each([
    ['a process that knows it', known],
    ['one that does not', fresh],
  ])('%s sees its volumes as held, and no other disk of it', async (_, asking) => {
    await provider.driver.volumes()
    world.there.machine.isAccessible = false
    const { driver } = await asking()
    // What is remembered the second time must not say something else.
    for (const look of [1, 2]) {
      const seen = (await driver.volumes()).toSorted((one, other) =>
        one.name < other.name ? -1 : 1,
      )
      expect([look, seen]).toMatchObject([
        look,
        [
          { name: 'data', state: 'in-use', attachments: [{ instanceId: world.there.machine.id }] },
          { name: 'free', state: 'available', attachments: [] },
        ],
      ])
      expect(seen).toHaveLength(2)
    }
  })

  test('its volumes are not attached elsewhere, nor removed, nor its system disk', async () => {
    world.there.machine.isAccessible = false
    const { driver } = provider
    const [data] = await driver.volumes({ name: 'data' })
    const here = world.here.machine.id
    await expect(driver.attachVolume(data?.id ?? '', here)).rejects.toThrow('is attached to')
    await expect(driver.removeVolume(data?.id ?? '')).rejects.toThrow('is attached to')
    const system = world.there.machine.saved[0]?.medium?.id ?? ''
    await expect(driver.attachVolume(system, here)).rejects.toThrow('not found')
  })
})

test('without a folder for volumes none is made, and those with our mark are still there', async () => {
  await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const { driver } = await world.provider(world.here, { volumePath: undefined })
  expect((await driver.volumes()).map(({ name }) => name)).toEqual(['data'])
  const made = driver.createVolume({ name: 'more', sizeGiB: 1, labels: {} })
  await expect(made).rejects.toThrow(/virtualbox.volumePath is not set, set it to a folder/)
})
