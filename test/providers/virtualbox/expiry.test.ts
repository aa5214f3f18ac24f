import { afterEach, describe, expect, test } from 'vitest'
import {
  LOOKS,
  leftovers,
  ofDisks,
  ofMachines,
  ofOthers,
  type Trial,
} from '../../support/virtualbox/trials.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

let world: VirtualboxWorld
afterEach(() => world.close())

/** Lets the web session end after each call that changes something; resolves with how many there are. */
async function expireEverywhere({ before, operation, after }: Trial): Promise<number> {
  const { provider, entrance } = await world.process()
  await provider.executor.instance()
  const first = await before(world, provider, 'first')
  const begun = entrance.calls.length
  await operation(world, provider, first, 'first')
  const calls = entrance.calls.slice(begun)
  await after(world, provider, first, 'first')
  const changes = calls.flatMap((name, index) => (LOOKS.test(name) ? [] : [index + 1]))
  for (const call of changes) {
    const name = `data${call}`
    const id = await before(world, provider, name)
    entrance.expireAfter(call)
    await operation(world, provider, id, name).catch((error: unknown) =>
      // It was done, and the answer is that of the repeat.
      expect(String(error)).toMatch(/not found/),
    )
    await after(world, provider, id, name)
    await provider.driver.volumes()
    const said = `after call ${call}, ${calls[call - 1]}`
    // A lock lasts longer than its web session, until the service ends, and is in nobody's way.
    expect(leftovers(world).filter((one) => one !== 'a lock')).toEqual([])
    expect(world.host.died, said).toBeUndefined()
  }
  return changes.length
}

const title = 'a web session that ends after any call of %s is made up for by the same call'

describe.each([
  ['runs', true],
  ['is off', false],
])('while the machine %s', (_, running) => {
  test.each(Object.entries(ofMachines))(
    title,
    async (_, trial) => {
      world = new VirtualboxWorld({ running })
      expect(await expireEverywhere(trial)).toBeGreaterThan(1)
    },
    60_000,
  )
})

test.each(Object.entries({ ...ofDisks, ...ofOthers }))(
  title,
  async (_, trial) => {
    world = new VirtualboxWorld()
    expect(await expireEverywhere(trial)).toBeGreaterThan(1)
  },
  60_000,
)
