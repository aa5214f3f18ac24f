import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
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

/** Lets a process die after each of its calls that change something; resolves with how many there are. */
async function dieEverywhere(trial: Trial): Promise<number> {
  const settled = await world.process()
  await settled.provider.executor.instance()
  const first = await trial.before(world, settled.provider, 'first')
  const begun = settled.entrance.calls.length
  await trial.operation(world, settled.provider, first, 'first')
  const calls = settled.entrance.calls.slice(begun)
  await trial.after(world, settled.provider, first, 'first')
  const changes = calls.flatMap((name, index) => (LOOKS.test(name) ? [] : [index + 1]))
  for (const call of changes) {
    const name = `data${call}`
    const id = await trial.before(world, settled.provider, name)
    await dieAfter(trial, call, { id, name })
    const said = `after call ${call}, ${calls[call - 1]}`
    const provider = await world.provider()
    await provider.driver.volumes()
    expect(leftovers(world), said).toEqual([])
    await trial.operation(world, provider, id, name).catch((error: unknown) =>
      // What was done before it died is said to be done.
      expect(String(error)).toMatch(/exists already|not found/),
    )
    await trial.after(world, provider, id, name)
    expect(leftovers(world), `${said}, and a repeat`).toEqual([])
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
  void operation(world, dying.provider, id, name).catch(() => {})
  await eventually(() => expect(dying.entrance.isCut).toBe(true), { interval: 2 })
}

const title = 'a process that dies after any call of %s leaves nothing that the next does not mend'
const die = async (trial: Trial, running?: boolean) => {
  world = new VirtualboxWorld(running === undefined ? {} : { running })
  expect(await dieEverywhere(trial)).toBeGreaterThan(1)
}

describe.each([
  ['runs', true],
  ['is off', false],
])('while the machine %s', (_, running) => {
  test.each(Object.entries(ofMachines))(title, (_, trial) => die(trial, running), 60_000)
})

test.each(Object.entries({ ...ofDisks, ...ofOthers }))(title, (_, trial) => die(trial), 60_000)

test('a lock that stays because its web session expired keeps nobody from attaching', async () => {
  world = new VirtualboxWorld({ running: false })
  const { driver: first } = await world.provider()
  const { id } = await first.createVolume({ name: 'data', sizeGiB: 1, labels: {} })
  const dying = await world.process(world.here, {}, { isDying: true })
  dying.entrance.dieAfterThe('IMachine_attachDevice')
  void dying.provider.driver.attachVolume(id, world.here.machine.id).catch(() => {})
  await eventually(() => expect(dying.entrance.isCut).toBe(true))
  world.service.sessions.end()
  expect(world.here.machine.owner).toBeDefined()
  const { driver } = await world.provider()
  await driver.attachVolume(id, world.here.machine.id)
  expect((await driver.volume(id)).attachments).toHaveLength(1)
  expect(world.here.machine.saved.filter(({ medium }) => medium?.id === id)).toHaveLength(1)
})
