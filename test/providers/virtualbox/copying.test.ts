import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AlreadyExistsError, FailedPreconditionError } from '../../../src/libstorage/errors.ts'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { ApiError } from '../../support/virtualbox/model.ts'
import { type SimPlace, VirtualboxWorld, VOLUMES } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
let provider: Provider
beforeEach(async () => {
  world = new VirtualboxWorld()
  provider = await world.provider()
})
afterEach(() => world.close())

const labels = { a: 'b' }
const disks = () => world.host.disks
const files = () => disks().all.map(({ location }) => location)

/** A volume with something on it. */
async function volume(name = 'data'): Promise<string> {
  const { id } = await provider.driver.createVolume({ name, sizeGiB: 1, labels })
  world.medium(id).content = 'ten years of orders'
  return id
}

const snapshot = async (id: string, name = 'before') =>
  (await provider.driver.snapshots?.create(id, { name, labels }))?.id ?? ''

const copyOf = (id: string, kind: 'volume' | 'snapshot' = 'volume', name = 'copy') => ({
  ...{ name, sizeGiB: 2, labels },
  source: { kind, id },
})

/** A process that dies while VirtualBox copies for it. */
async function dieCopying(id: string, place: SimPlace = world.here): Promise<void> {
  disks().holdsCopies = true
  const { provider: dying, entrance } = await world.process(place, {}, { isDying: true })
  entrance.dieAfterThe('IMedium_cloneToBase')
  void dying.driver.createVolume(copyOf(id)).catch(() => {})
  await eventually(() => expect(entrance.isCut).toBe(true))
}

describe('a copy', () => {
  test('is not begun by a machine that cannot say which one it is, since nobody could clean up after it', async () => {
    const id = await volume()
    const { driver } = await world.provider(world.here, { localMachineNameOrId: 'nobody' })
    await expect(driver.createVolume(copyOf(id))).rejects.toThrow(/nobody/)
    expect(files().filter((file) => file.includes('copy'))).toEqual([])
  })

  test.each(['volume', 'snapshot'] as const)(
    'of a %s has its name from the beginning, is nobody’s until it is whole, and then all there',
    async (kind) => {
      const id = await volume()
      const source = kind === 'volume' ? id : await snapshot(id)
      disks().holdsCopies = true
      const copying = provider.driver.createVolume(copyOf(source, kind))
      await eventually(() => expect(disks().copies).toBe(1))
      const other = await world.provider(world.there)
      for (const { driver } of [provider, other]) {
        expect((await driver.volumes()).map(({ name }) => name)).toEqual(['data'])
        const attempt = driver.createVolume({ name: 'copy', sizeGiB: 1, labels })
        await expect(attempt).rejects.toThrow(AlreadyExistsError)
        await expect(attempt).rejects.toThrow(
          /copy.vdi, which is being copied at this moment, wait until that is done/,
        )
      }
      disks().finishMaking()
      const copy = await copying
      expect(copy).toMatchObject({ sizeGiB: 2, madeFrom: kind, managed: true, labels })
      expect(world.medium(copy.id)).toMatchObject({
        content: 'ten years of orders',
        location: `${VOLUMES}/copy.vdi`,
        type: 'Writethrough',
      })
      expect(await other.driver.volumes({ name: 'copy' })).toEqual([copy])
    },
  )

  test('is in the way of nothing but its own name', async () => {
    const id = await volume()
    disks().holdsCopies = true
    const copying = provider.driver.createVolume(copyOf(id))
    await eventually(() => expect(disks().copies).toBe(1))
    const other = await provider.driver.createVolume({ name: 'copy.vdi', sizeGiB: 1, labels })
    expect(world.medium(other.id).location).toBe(`${VOLUMES}/copy.vdi.vdi`)
    disks().finishMaking()
    expect(await copying).toMatchObject({ name: 'copy' })
  })

  test('that fails leaves nothing', async () => {
    const id = await volume()
    const full = () => new ApiError(0x80bb0004, 'It is full (VERR_DISK_FULL)')
    world.service.failNext('IMedium_cloneToBase', full)
    await expect(provider.driver.createVolume(copyOf(id))).rejects.toThrow('make room')
    world.service.failNext('IMedium_cloneToBase', full)
    await expect(snapshot(id)).rejects.toThrow('make room')
    expect(disks().all).toHaveLength(3)
  })

  test('whose process died is waited for while VirtualBox goes on, and then made anew', async () => {
    const id = await volume()
    await dieCopying(id)
    const { driver } = await world.provider()
    expect(await driver.volumes({ name: 'copy' })).toEqual([])
    await expect(driver.createVolume(copyOf(id))).rejects.toThrow(/at this moment.*wait/)
    disks().finishMaking()
    disks().holdsCopies = false
    const made = await driver.createVolume(copyOf(id))
    expect(world.medium(made.id).content).toBe('ten years of orders')
    expect(files().filter((file) => file.startsWith(VOLUMES))).toHaveLength(2)
  })

  test('that was cut short together with VirtualBox is swept, and a repeat is whole', async () => {
    const id = await volume()
    await dieCopying(id)
    disks().interruptCopies()
    world.service.sessions.end()
    disks().holdsCopies = false
    const { driver } = await world.provider()
    expect((await driver.volumes()).map(({ name }) => name)).toEqual(['data'])
    expect(files()).not.toContain(`${VOLUMES}/copy.vdi`)
    const made = await driver.createVolume(copyOf(id))
    expect(world.medium(made.id).content).toBe('ten years of orders')
  })

  test('whose web session ends when VirtualBox is killed is made anew by itself', async () => {
    const id = await volume()
    disks().holdsCopies = true
    const copying = provider.driver.createVolume(copyOf(id))
    await eventually(() => expect(disks().copies).toBe(1))
    disks().holdsCopies = false
    disks().interruptCopies()
    world.service.sessions.end()
    const { id: made } = await copying
    expect(world.medium(made).content).toBe('ten years of orders')
    expect(files().filter((file) => file.startsWith(VOLUMES))).toHaveLength(2)
  })

  test('of another machine is swept once that machine is off, and not before', async () => {
    const id = await volume()
    await dieCopying(id, world.there)
    disks().finishMaking()
    const copies = () => files().filter((file) => file.includes('copy'))
    await provider.driver.volumes()
    expect(copies()).toHaveLength(1)
    world.host.power(world.there.machine, 'Saved')
    await provider.driver.volumes()
    expect(copies()).toHaveLength(1)
    world.host.power(world.there.machine, 'PoweredOff')
    await provider.driver.volumes()
    expect(copies()).toEqual([])
  })

  test('that is left stays where somebody only looks', async () => {
    await dieCopying(await volume())
    disks().finishMaking()
    const looking = await world.process(world.here, {}, { looksOnly: true })
    expect(await looking.provider.driver.volumes()).toHaveLength(1)
    expect(files()).toContain(`${VOLUMES}/copy.vdi`)
    await provider.driver.volumes()
    expect(files()).not.toContain(`${VOLUMES}/copy.vdi`)
  })
})

describe('a snapshot', () => {
  test('is a file that says what it is, also where several have one name', async () => {
    const id = await volume('a/b')
    const taken = [await snapshot(id, 'x: 1'), await snapshot(id, 'x: 1')]
    const copied = await provider.driver.snapshots?.copy?.(taken[0] ?? '', { name: 'y', labels })
    const locations = [...taken, copied?.id ?? ''].map((one) => world.medium(one).location)
    expect(locations).toEqual([
      expect.stringMatching(/\/volumes\/snapshots\/a%2Fb@x%3A 1-[0-9a-f]{8}\.vdi$/),
      expect.stringMatching(/\/volumes\/snapshots\/a%2Fb@x%3A 1-[0-9a-f]{8}\.vdi$/),
      expect.stringMatching(/\/volumes\/snapshots\/a%2Fb@y-[0-9a-f]{8}\.vdi$/),
    ])
    expect(new Set(locations).size).toBe(3)
  })

  test('of the longest names is a file that every host can have', async () => {
    const taken = await snapshot(await volume('日'.repeat(60)), '月'.repeat(120))
    expect(world.medium(taken).location.split('/').at(-1)?.length).toBeLessThanOrEqual(255)
  })

  test('is read by several copies at once', async () => {
    const id = await snapshot(await volume())
    disks().holdsCopies = true
    const copies = ['one', 'two'].map((name) =>
      provider.driver.createVolume(copyOf(id, 'snapshot', name)),
    )
    const third = provider.driver.snapshots?.copy?.(id, { name: 'three', labels })
    await eventually(() => expect(disks().copies).toBe(3))
    expect(world.medium(id).state).toBe('LockedRead')
    disks().finishMaking()
    for (const made of await Promise.all([...copies, third]))
      expect(world.medium(made?.id ?? '').content).toBe('ten years of orders')
  })

  test('that somebody’s machine writes to, or whose file is gone, is not copied', async () => {
    const id = await snapshot(await volume())
    const attempts = [
      () => provider.driver.createVolume(copyOf(id, 'snapshot')),
      () => provider.driver.snapshots?.copy?.(id, { name: 'x', labels }),
    ]
    for (const [state, said] of [
      ['LockedWrite', /attached to .* by hand, and is written to, detach it there/],
      ['Inaccessible', /cannot be read by VirtualBox .*put its file back/],
    ] as const) {
      world.medium(id).state = state
      for (const attempt of attempts) {
        const refused = attempt()
        await expect(refused).rejects.toThrow(FailedPreconditionError)
        await expect(refused).rejects.toThrow(said)
      }
    }
    expect(await provider.driver.volumes({ name: 'copy' })).toEqual([])
  })
})
