import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import type { Provider, StorageDriver } from '../../../src/libstorage/storage-driver.ts'
import type { VirtualboxWorld } from '../virtualbox-world.ts'

/** What changes nothing in the service, so that it is all the same whether a process dies before it or after it. */
export const LOOKS = /_(?:get(?!SessionObject)|find|open|refresh|waitFor)/

/** An operation that is interrupted everywhere. */
export interface Trial {
  /** Brings things into the state that the operation begins with, and resolves with the id that it is about. */
  before(world: VirtualboxWorld, provider: Provider, name: string): Promise<string>
  operation(world: VirtualboxWorld, provider: Provider, id: string, name: string): Promise<unknown>
  /** How things stand when it was done, or done again. */
  after(world: VirtualboxWorld, provider: Provider, id: string, name: string): Promise<void>
}

const CONTENT = 'ten years of orders'
const labels = { a: 'b' }
const here = (world: VirtualboxWorld) => world.here.machine.id

const make: Trial['before'] = async (world, { driver }, name) => {
  const { id } = await driver.createVolume({ name, sizeGiB: 1, labels })
  world.medium(id).content = CONTENT
  return id
}

const makeSnapshot: Trial['before'] = async (world, provider, name) => {
  const id = await make(world, provider, `${name} source`)
  return (await provider.driver.snapshots?.create(id, { name, labels }))?.id ?? ''
}

/** What is attached to machines while it is done. */
export const ofMachines: Readonly<Record<string, Trial>> = {
  attach: {
    before: make,
    operation: (world, { driver }, id) => driver.attachVolume(id, here(world)),
    after: async (world, { driver }, id) => {
      const { attachments } = await driver.volume(id)
      expect(attachments).toMatchObject([{ instanceId: here(world), state: 'attached' }])
      expect(attachments[0]?.since.getTime()).toBeGreaterThan(0)
      expect([...world.medium(id).machineIds]).toEqual([here(world)])
      await driver.detachVolume(id, here(world))
    },
  },
  detach: {
    before: async (world, provider, name) => {
      const id = await make(world, provider, name)
      await provider.driver.attachVolume(id, here(world))
      return id
    },
    operation: (world, { driver }, id) => driver.detachVolume(id, here(world)),
    after: async (world, { driver }, id) => {
      expect(await driver.volume(id)).toMatchObject({ state: 'available' })
      expect([...world.medium(id).machineIds]).toEqual([])
      await driver.attachVolume(id, here(world))
      await driver.detachVolume(id, here(world))
    },
  },
}

/** The end of another machine. */
export const ofOthers: Readonly<Record<string, Trial>> = {
  'the powering down of a machine': {
    before: async (world) => {
      world.host.power(world.there.machine, 'Running')
      return world.there.machine.id
    },
    operation: async (_, { driver }, id) => driver.instances?.stop(id),
    after: async (world, { driver }, id) => {
      expect(await driver.instances?.status(id)).toMatchObject({ id, state: 'stopped' })
      expect(world.there.machine.owner).toBeUndefined()
    },
  },
}

/** What is done to disks alone. */
export const ofDisks: Readonly<Record<string, Trial>> = {
  create: {
    before: async () => '',
    operation: (_, { driver }, __, name) => driver.createVolume({ name, sizeGiB: 2, labels }),
    after: async (_, { driver }, __, name) => {
      const made = await driver.volumes({ name })
      expect(made).toMatchObject([{ name, sizeGiB: 2, labels, managed: true, state: 'available' }])
      await driver.removeVolume(made[0]?.id ?? '')
    },
  },
  remove: {
    before: make,
    operation: (_, { driver }, id) => driver.removeVolume(id),
    after: async (_, { driver }, __, name) => expect(await driver.volumes({ name })).toEqual([]),
  },
  resize: {
    before: make,
    operation: async (_, { driver }, id) => driver.modifyVolume?.(id, { sizeGiB: 3 }),
    after: async (world, { driver }, id) => {
      expect(await driver.volume(id)).toMatchObject({ sizeGiB: 3, state: 'available' })
      expect(world.medium(id).content).toBe(CONTENT)
    },
  },
  'a copy of a volume': {
    before: (world, provider, name) => make(world, provider, `${name} source`),
    operation: (_, { driver }, id, name) =>
      driver.createVolume({ name, sizeGiB: 2, labels, source: { kind: 'volume', id } }),
    after: (world, provider, _, name) => copied(world, provider, name),
  },
  'a volume from a snapshot': {
    before: makeSnapshot,
    operation: (_, { driver }, id, name) =>
      driver.createVolume({ name, sizeGiB: 1, labels, source: { kind: 'snapshot', id } }),
    after: (world, provider, _, name) => copied(world, provider, name),
  },
  'a snapshot': {
    before: (world, provider, name) => make(world, provider, `${name} source`),
    operation: async (_, { driver }, id, name) => driver.snapshots?.create(id, { name, labels }),
    after: (world, provider, id, name) => taken(world, provider, { name, volumeId: id }),
  },
  'a copy of a snapshot': {
    before: (world, provider, name) => makeSnapshot(world, provider, `${name} first`),
    operation: async (_, { driver }, id, name) => driver.snapshots?.copy?.(id, { name, labels }),
    after: (world, provider, _, name) => taken(world, provider, { name }),
  },
  'the removal of a snapshot': {
    before: makeSnapshot,
    operation: async (_, { driver }, id) => driver.snapshots?.remove(id),
    after: async (_, { driver }, __, name) =>
      expect(await driver.snapshots?.list({ name })).toEqual([]),
  },
}

async function copied(world: VirtualboxWorld, { driver }: Provider, name: string): Promise<void> {
  const [made, ...others] = await driver.volumes({ name })
  expect(others).toEqual([])
  expect(made).toMatchObject({ labels, managed: true, state: 'available' })
  expect(world.medium(made?.id ?? '')).toMatchObject({ content: CONTENT, type: 'Writethrough' })
  await clear(driver, name)
}

/** A process that died may have taken one too, and it is whole then. */
async function taken(
  world: VirtualboxWorld,
  { driver }: Provider,
  query: { readonly name: string; readonly volumeId?: string },
): Promise<void> {
  const found = (await driver.snapshots?.list(query)) ?? []
  expect([1, 2]).toContain(found.length)
  for (const { id, state } of found) {
    expect(state).toBe('complete')
    expect(world.medium(id).content).toBe(CONTENT)
  }
  await clear(driver, query.name)
}

/** Removes all whose names begin so. */
async function clear(driver: StorageDriver, name: string): Promise<void> {
  for (const one of (await driver.snapshots?.list()) ?? [])
    if (one.name.startsWith(name)) await driver.snapshots?.remove(one.id)
  for (const one of await driver.volumes())
    if (one.name.startsWith(name)) await driver.removeVolume(one.id)
}

/** Locks that nobody alive has, files that tell of locks, and copies that are not whole. */
export function leftovers({ here, host }: VirtualboxWorld): readonly string[] {
  const { machine, libDirectory } = here
  const isHeld = machine.isRunning ? machine.sharers.size > 0 : machine.owner !== undefined
  return [
    ...(isHeld ? ['a lock'] : []),
    ...filesIn(path.join(libDirectory, 'virtualbox/locks')),
    ...host.disks.files,
    ...host.disks.all.flatMap((one) => (/unfinished/.test(markOf(one)) ? [one.location] : [])),
  ]
}

const markOf = (medium: { description: string; properties: ReadonlyMap<string, string> }) =>
  medium.description + [...medium.properties.values()].join()

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
