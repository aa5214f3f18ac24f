import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FailedPreconditionError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { ApiError, SimMedium } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
const warnings: string[] = []
beforeEach(async () => {
  warnings.length = 0
  world = new VirtualboxWorld({ warn: (message) => warnings.push(message) })
  provider = await world.provider()
})
afterEach(() => world.close())

const labels = {}
const there = () => world.there.machine

/** A disk of REX-Ray's, as VirtualBox makes disks by itself. */
function foreign(): SimMedium {
  const medium = new SimMedium(`${VOLUMES}/pg`, 'VMDK')
  medium.create(2 ** 30)
  world.host.disks.add(medium)
  return medium
}

describe('a volume behind a snapshot of its machine', () => {
  let medium: SimMedium
  beforeEach(() => {
    medium = foreign()
    const { machine } = world.there
    world.host.power(machine, 'PoweredOff')
    const slot = { controller: 'SATA', port: 4, device: 0, type: 'HardDisk' as const }
    machine.slots.push({ ...slot, medium, hotPluggable: true, isNew: false })
    medium.machineIds.add(machine.id)
    world.host.takeSnapshot(machine)
  })

  test('is seen where it is, and neither attached nor detached nor copied nor made larger', async () => {
    const { id } = medium
    const { driver } = provider
    expect((await driver.volume(id)).attachments).toMatchObject([{ instanceId: there().id }])
    const source = { kind: 'volume', id } as const
    const attempts = [
      driver.attachVolume(id, there().id),
      driver.detachVolume(id, there().id),
      driver.detachVolume(id, there().id, { force: true }),
      driver.createVolume({ name: 'copy', sizeGiB: 1, labels, source }),
      driver.snapshots?.create(id, { name: 'x', labels }),
      driver.modifyVolume?.(id, { sizeGiB: 2 }),
    ]
    const outcomes = await Promise.allSettled(attempts)
    const reasons = outcomes.map((one) => (one.status === 'rejected' ? one.reason : undefined))
    for (const reason of reasons) {
      expect(reason).toBeInstanceOf(FailedPreconditionError)
      expect(String(reason)).toContain('delete that snapshot of the machine first')
    }
    expect(there().saved.at(-1)?.medium?.base).toBe(medium)
    expect(await driver.snapshots?.list()).toEqual([])
    expect(medium.sizeBytes).toBe(2 ** 30)
  })

  test('that it was put behind in the middle of a detach stays where it is', async () => {
    there().slots = there().slots.map((one) => ({ ...one, medium: one.medium?.base }))
    world.host.save(there())
    world.service.failNext('IMachine_lockMachine', () => {
      world.host.takeSnapshot(there())
      return new ApiError(0x80bb0007, 'The machine is locked')
    })
    await expect(provider.driver.detachVolume(medium.id, there().id)).rejects.toThrow(
      'delete that snapshot of the machine first',
    )
    expect(there().saved.at(-1)?.medium?.base).toBe(medium)
  })
})

test('a disk that is read at this moment is not copied', async () => {
  const { driver } = provider
  const { id } = await driver.createVolume({ name: 'data', sizeGiB: 1, labels })
  world.medium(id).state = 'LockedRead'
  const taken = driver.snapshots?.create(id, { name: 'x', labels })
  await expect(taken).rejects.toThrow(/volume "data" is read by VirtualBox at this moment.*wait/)
  const source = { kind: 'volume', id } as const
  await expect(driver.createVolume({ name: 'copy', sizeGiB: 1, labels, source })).rejects.toThrow(
    FailedPreconditionError,
  )
})

describe('a disk of somebody else', () => {
  test('becomes write-through when it is attached, so that no snapshot stands before it', async () => {
    const medium = foreign()
    await provider.driver.attachVolume(medium.id, there().id)
    expect(medium.type).toBe('Writethrough')
    expect(warnings).toEqual([])
  })

  test('that cannot become it is attached with a warning', async () => {
    const medium = foreign()
    world.service.failNext('IMedium_setType', () => new ApiError(0x80bb000c, 'It is in use'))
    await provider.driver.attachVolume(medium.id, there().id)
    expect(warnings).toEqual([expect.stringMatching(/volume "pg" cannot be made write-through/)])
  })

  test('that a snapshot has is not attached: another image would be in its place', async () => {
    const medium = foreign()
    medium.isInSnapshot = true
    await expect(provider.driver.attachVolume(medium.id, there().id)).rejects.toThrow(
      'delete that snapshot of the machine first',
    )
    expect(there().saved.map((slot) => slot.medium?.base)).not.toContain(medium)
    expect(world.host.died).toBeUndefined()
  })
})
