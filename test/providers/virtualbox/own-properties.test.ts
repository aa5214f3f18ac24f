import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { ApiError } from '../../support/virtualbox/model.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
const warnings: string[] = []
beforeEach(() => open())
afterEach(() => world.close())

async function open(options: ConstructorParameters<typeof VirtualboxWorld>[0] = {}): Promise<void> {
  warnings.length = 0
  world = new VirtualboxWorld({ ...options, warn: (message) => warnings.push(message) })
  provider = await world.provider()
}

const labels = { a: 'b' }
const disks = () => world.host.disks

/** A volume with something on it. */
async function volume(): Promise<string> {
  const { id } = await provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels })
  world.medium(id).content = 'ten years of orders'
  return id
}

const copyOf = (id: string) => ({
  ...{ name: 'copy', sizeGiB: 2, labels },
  source: { kind: 'volume' as const, id },
})

describe('a property of somebody else', () => {
  const theirs = (id: string) => world.medium(id).properties.get('Special/theirs')
  const property = async () => {
    const id = await volume()
    world.medium(id).properties.set('Special/theirs', 'x')
    return id
  }

  test('that cannot be given back after a copy is told of, kept, and given back later', async () => {
    const id = await property()
    disks().holdsCopies = true
    const copying = provider.driver.createVolume(copyOf(id))
    await eventually(() => expect(disks().copies).toBe(1))
    for (let time = 0; time < 100; time += 1)
      world.service.failNext('IMedium_setProperty', () => new ApiError(0x80bb0007, 'It is locked'))
    disks().finishMaking()
    await copying
    expect(theirs(id)).toBeUndefined()
    expect(warnings).toEqual([
      expect.stringMatching(
        /volume "data" has not got its properties back .*Special\/theirs.*kept/,
      ),
    ])
    world.service.faults.clear()
    await provider.driver.volumes()
    expect(theirs(id)).toBe('x')
    expect(world.medium(id).description).not.toContain('theirs')
  })

  test('is given back by the next process where the one that took it off died', async () => {
    const id = await property()
    const { provider: dying, entrance } = await world.process(world.here, {}, { isDying: true })
    entrance.dieAfterThe('IMedium_setProperty')
    void dying.driver.createVolume(copyOf(id)).catch(() => {})
    await eventually(() => expect(entrance.isCut).toBe(true))
    expect(theirs(id)).toBeUndefined()
    const { driver } = await world.provider()
    expect(await driver.volumes()).toHaveLength(1)
    expect(theirs(id)).toBe('x')
    expect(await driver.createVolume(copyOf(id))).toMatchObject({ madeFrom: 'volume' })
    expect(theirs(id)).toBe('x')
    expect(world.host.died).toBeUndefined()
  })

  test('comes back also where somebody has overwritten the description that keeps it', async () => {
    const id = await property()
    const { description } = world.medium(id)
    disks().holdsCopies = true
    const copying = provider.driver.createVolume(copyOf(id))
    await eventually(() => expect(disks().copies).toBe(1))
    world.medium(id).description = description
    disks().finishMaking()
    await copying
    expect(theirs(id)).toBe('x')
    expect(world.medium(id).description).toBe(description)
  })

  test('that was set anew meanwhile stays as it was set', async () => {
    const id = await property()
    disks().holdsCopies = true
    const copying = provider.driver.createVolume(copyOf(id))
    await eventually(() => expect(disks().copies).toBe(1))
    world.medium(id).properties.set('Special/theirs', 'y')
    disks().finishMaking()
    await copying
    expect(theirs(id)).toBe('y')
  })
})

describe('what is written down about a disk while its copy is being begun', () => {
  /** Begins a copy that knows its source already, and waits before it looks at properties. */
  async function begunCopy(): Promise<{ id: string; copying: Promise<unknown>; go: () => void }> {
    const id = await volume()
    world.medium(id).properties.set('Special/theirs', 'x')
    const { provider: slow, entrance } = await world.process()
    const { promise, resolve: go } = gate()
    world.service.gates.set('IMedium_createBaseStorage', promise)
    const copying = slow.driver.createVolume(copyOf(id)).catch((error: unknown) => error)
    await eventually(() => expect(entrance.calls).toContain('IMedium_createBaseStorage'))
    world.service.gates.clear()
    return { id, copying, go }
  }

  test('stays: a word of the user, and since when it is attached', async () => {
    const { id, copying, go } = await begunCopy()
    await provider.driver.attachVolume(id, world.here.machine.id)
    await provider.driver.detachVolume(id, world.here.machine.id)
    const written = `the shop\n${world.medium(id).description}`
    expect(written).toContain('"attachment"')
    world.medium(id).description = written
    go()
    expect(await copying).toMatchObject({ name: 'copy', madeFrom: 'volume' })
    expect(world.medium(id).description).toBe(written)
    expect(world.medium(id).properties.get('Special/theirs')).toBe('x')
  })

  test('counts: properties that another copy keeps are not given back in the middle of it', async () => {
    const { id, copying, go } = await begunCopy()
    disks().holdsCopies = true
    const other = provider.driver.createVolume({ ...copyOf(id), name: 'other' })
    await eventually(() => expect(disks().copies).toBe(1))
    go()
    expect(await copying).toMatchObject({ message: expect.stringContaining('is being copied') })
    disks().finishMaking()
    expect(await other).toMatchObject({ name: 'other' })
    expect(world.medium(id).properties.get('Special/theirs')).toBe('x')
    expect(world.host.died).toBeUndefined()
  })
})

describe('a mark that an older server kept as a property', () => {
  const mark = { kind: 'volume', name: 'shop', labels, createdAt: '2020-01-01T00:00:00.000Z' }

  /** As it is after the server has been replaced by one of 7.2. */
  async function marked(): Promise<string> {
    const id = await volume()
    const medium = world.medium(id)
    medium.description = 'the shop’s'
    medium.properties.set('Special/remora', JSON.stringify(mark))
    return id
  }

  test('is read by one of today, and moves to the description when the disk is used', async () => {
    const id = await marked()
    const { driver } = provider
    expect(await driver.volumes({ name: 'shop' })).toMatchObject([{ id, labels, managed: true }])
    await driver.attachVolume(id, world.here.machine.id)
    await driver.detachVolume(id, world.here.machine.id)
    expect(world.medium(id).description).toMatch(/^the shop’s\nremora \{"kind":"volume"/)
    expect(await driver.volume(id)).toMatchObject({ name: 'shop', labels })
  })

  test('moves there for good when the disk is copied', async () => {
    const id = await marked()
    const copy = await provider.driver.createVolume(copyOf(id))
    expect(world.medium(copy.id).content).toBe('ten years of orders')
    expect(world.medium(id).properties.size).toBe(0)
    expect(await provider.driver.volume(id)).toMatchObject({ name: 'shop', labels, managed: true })
    expect(world.host.died).toBeUndefined()
  })

  test('counts by the later attachment where both places have one', async () => {
    await world.close()
    await open({ version: '6_1' })
    const id = await volume()
    const attachment = { machine: world.here.machine.id, since: '2030-01-01T00:00:00.000Z' }
    world.medium(id).properties.set('Special/remora', JSON.stringify({ ...mark, attachment }))
    expect(await provider.driver.volume(id)).toMatchObject({ name: 'shop' })
  })
})
