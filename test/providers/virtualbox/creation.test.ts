import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AlreadyExistsError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { SimMedium } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
beforeEach(async () => {
  world = new VirtualboxWorld()
  provider = await world.provider()
})
afterEach(() => world.close())

const make = async (name = 'data') =>
  (await provider.driver.createVolume({ name, sizeGiB: 1, labels: {} })).id

describe('a disk', () => {
  test('whose entry VirtualBox has lost is refused by its file, as it may be unfinished', async () => {
    const location = `${VOLUMES}/data.vdi`
    world.host.disks.files.add(location)
    await expect(make()).rejects.toThrow(AlreadyExistsError)
    await expect(make()).rejects.toThrow(/file \/home\/me\/volumes\/data.vdi.*wait.*delete/)
    expect(await provider.driver.volumes()).toEqual([])
    expect([...world.host.disks.files]).toEqual([location])
  })

  test('that is made is nobody’s until it is finished, and then the one that was wanted', async () => {
    const { driver } = provider
    world.host.disks.holdsMaking = true
    const spec = { name: 'data', sizeGiB: 1, labels: { a: 'b' } }
    const making = driver.createVolume(spec)
    await eventually(() => expect(world.host.disks.files.size).toBe(1))
    const other = await world.provider(world.there)
    const attempt = other.driver.createVolume(spec)
    await expect(attempt).rejects.toThrow(/volume "data" exists already as the file .*data.vdi/)
    await expect(make()).rejects.toThrow(AlreadyExistsError)
    expect(await driver.volumes({ name: 'data' })).toEqual([])
    world.host.disks.finishMaking()
    expect(await making).toMatchObject({ managed: true, labels: { a: 'b' } })
    expect(await other.driver.volumes({ name: 'data' })).toEqual([await making])
    expect((await making).madeFrom).toBeUndefined()
  })

  test('of a name whose file is there, and is no disk, is refused, and the file stays', async () => {
    const location = `${VOLUMES}/data.vdi`
    world.host.disks.files.add(location)
    world.host.disks.damaged.add(location)
    await expect(make()).rejects.toThrow(`exists already as the file ${location}`)
    expect([...world.host.disks.files]).toEqual([location])
    expect(await provider.driver.volumes()).toEqual([])
  })
})

describe('a name is not given to an empty volume', () => {
  const made = () => world.host.disks.all.length

  test.each(['data', 'data.vdi', 'data.vmdk'])(
    'where %s in the folder is a disk that a machine starts from',
    async (file) => {
      const medium = new SimMedium(`${VOLUMES}/${file}`, file.endsWith('vdi') ? 'VDI' : 'VMDK')
      medium.create(2 ** 30)
      world.host.disks.add(medium)
      const { machine } = world.there
      const slot = { controller: 'SATA', port: 0, device: 0, type: 'HardDisk' as const }
      machine.saved = [{ ...slot, medium, hotPluggable: false, isNew: false }]
      medium.machineIds.add(machine.id)
      const before = made()
      expect(await provider.driver.volumes({ name: 'data' })).toEqual([])
      await expect(make()).rejects.toThrow(AlreadyExistsError)
      await expect(make()).rejects.toThrow(`${VOLUMES}/${file} is a disk of the host`)
      expect(made()).toBe(before)
    },
  )

  test.each([
    ['data', false],
    ['data', true],
    ['data.vdi', false],
    ['data.vmdk', false],
    ['data.vmdk', true],
  ])('where %s is a file that VirtualBox does not know (damaged: %s)', async (file, isDamaged) => {
    const location = `${VOLUMES}/${file}`
    world.host.disks.files.add(location)
    if (isDamaged) world.host.disks.damaged.add(location)
    const before = made()
    await expect(make()).rejects.toThrow(`exists already as the file ${location}`)
    expect([...world.host.disks.files]).toEqual([location])
    expect(made()).toBe(before)
  })

  test('and another volume’s file is in nobody’s way', async () => {
    const { driver } = provider
    await make()
    const other = await driver.createVolume({ name: 'data.vdi', sizeGiB: 1, labels: {} })
    expect((await driver.volumes()).map(({ name }) => name).sort()).toEqual(['data', 'data.vdi'])
    expect(world.medium(other.id).location).toBe(`${VOLUMES}/data.vdi.vdi`)
  })
})
