import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
afterEach(() => world.close())

/** What changes nothing in the service, so that it is all the same whether a process dies before it or after it. */
const LOOKS = /_(?:get(?!SessionObject)|find|open|refresh|waitFor)/

interface Trial {
  /** Brings a volume into the state that the operation begins with. */
  readonly before: (provider: Provider, name: string) => Promise<string>
  readonly operation: (provider: Provider, id: string, name: string) => Promise<unknown>
  /** How things stand when it was done, or done again. */
  readonly after: (provider: Provider, id: string, name: string) => Promise<void>
}

const make = async ({ driver }: Provider, name: string) =>
  (await driver.createVolume({ name, sizeGiB: 1, labels: {} })).id
const here = () => world.here.machine.id

const trials: Readonly<Record<string, Trial>> = {
  create: {
    before: async () => '',
    operation: ({ driver }, _, name) =>
      driver.createVolume({ name, sizeGiB: 2, labels: { a: 'b' } }),
    after: async ({ driver }, _, name) => {
      const made = await driver.volumes({ name })
      expect(made).toMatchObject([
        { name, sizeGiB: 2, labels: { a: 'b' }, managed: true, state: 'available' },
      ])
      await driver.removeVolume(made[0]?.id ?? '')
    },
  },
  attach: {
    before: make,
    operation: ({ driver }, id) => driver.attachVolume(id, here()),
    after: async (provider, id) => {
      const { attachments } = await provider.driver.volume(id)
      expect(attachments).toMatchObject([{ instanceId: here(), state: 'attached' }])
      expect(attachments[0]?.since.getTime()).toBeGreaterThan(0)
      expect([...world.medium(id).machineIds]).toEqual([here()])
      await provider.driver.detachVolume(id, here())
    },
  },
  detach: {
    before: async (provider, name) => {
      const id = await make(provider, name)
      await provider.driver.attachVolume(id, here())
      return id
    },
    operation: ({ driver }, id) => driver.detachVolume(id, here()),
    after: async (provider, id) => {
      expect(await provider.driver.volume(id)).toMatchObject({ state: 'available' })
      expect([...world.medium(id).machineIds]).toEqual([])
      await provider.driver.attachVolume(id, here())
      await provider.driver.detachVolume(id, here())
    },
  },
  remove: {
    before: make,
    operation: ({ driver }, id) => driver.removeVolume(id),
    after: async ({ driver }, _, name) => expect(await driver.volumes({ name })).toEqual([]),
  },
}

/** Locks that nobody alive has, and files that tell of locks. */
function leftovers(): readonly string[] {
  const { machine, libDirectory } = world.here
  const folder = path.join(libDirectory, 'virtualbox/locks')
  const isHeld = machine.isRunning ? machine.sharers.size > 0 : machine.owner !== undefined
  return [...(isHeld ? ['a lock'] : []), ...filesIn(folder)]
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Lets a process die after each of its calls that change something; resolves with how many there are. */
async function dieEverywhere(trial: Trial): Promise<number> {
  const { before, operation, after } = trial
  const settled = await world.process()
  const first = await before(settled.provider, 'first')
  const begun = settled.entrance.calls.length
  await operation(settled.provider, first, 'first')
  const calls = settled.entrance.calls.slice(begun)
  await after(settled.provider, first, 'first')
  const changes = calls.flatMap((name, index) => (LOOKS.test(name) ? [] : [index + 1]))
  for (const call of changes) {
    const name = `data${call}`
    const id = await before(settled.provider, name)
    await dieAfter(trial, call, { id, name })
    const said = `after call ${call}, ${calls[call - 1]}`
    const { driver, ...rest } = await world.provider()
    await driver.volumes()
    expect(leftovers(), said).toEqual([])
    await operation({ driver, ...rest }, id, name).catch((error: unknown) =>
      // What was done before it died is said to be done.
      expect(String(error)).toMatch(/exists already|not found/),
    )
    await after({ driver, ...rest }, id, name)
    expect(leftovers(), `${said}, and a repeat`).toEqual([])
    expect(world.host.died).toBeUndefined()
  }
  return changes.length
}

async function dieAfter(
  { operation }: Trial,
  call: number,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  const dying = await world.process(world.here, {}, { isDying: true })
  await dying.provider.executor.instance()
  dying.entrance.dieAfter(call)
  void operation(dying.provider, id, name).catch(() => {})
  await eventually(() => expect(dying.entrance.isCut).toBe(true), { interval: 2 })
}

describe.each([
  ['runs', true],
  ['is off', false],
])('while the machine %s', (_, running) => {
  test.each(Object.keys(trials))(
    'a process that dies after any call of %s leaves nothing that the next one does not mend',
    async (name) => {
      world = new VirtualboxWorld({ running })
      const trial = trials[name]
      if (trial === undefined) throw new Error(name)
      expect(await dieEverywhere(trial)).toBeGreaterThan(1)
    },
    60_000,
  )
})

test('a lock that stays because its web session expired keeps nobody from attaching', async () => {
  world = new VirtualboxWorld({ running: false })
  const id = await make(await world.provider(), 'data')
  const dying = await world.process(world.here, {}, { isDying: true })
  dying.entrance.dieAfterThe('IMachine_attachDevice')
  void dying.provider.driver.attachVolume(id, here()).catch(() => {})
  await eventually(() => expect(dying.entrance.isCut).toBe(true))
  world.service.sessions.end()
  expect(world.here.machine.owner).toBeDefined()
  const { driver } = await world.provider()
  await driver.attachVolume(id, here())
  expect((await driver.volume(id)).attachments).toHaveLength(1)
  expect(world.here.machine.saved.filter(({ medium }) => medium?.id === id)).toHaveLength(1)
})
