import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Provider } from '../../../src/libstorage/storage-driver.ts'
import { eventually } from '../../support/eventually.ts'
import { gate } from '../../support/gate.ts'
import { SimLock, SimSessionMachine } from '../../support/virtualbox/model.ts'
import type { Entrance } from '../../support/virtualbox/web-service.ts'
import { VirtualboxWorld } from '../../support/virtualbox-world.ts'

interface Guest {
  readonly provider: Provider
  readonly entrance: Entrance
}

let world: VirtualboxWorld
let here: Guest
let there: Guest
let id: string
beforeEach(async () => {
  world = new VirtualboxWorld()
  here = await world.process(world.here)
  there = await world.process(world.there)
  for (const { provider } of [here, there]) await provider.executor.instance()
  id = (await here.provider.driver.createVolume({ name: 'data', sizeGiB: 1, labels: {} })).id
})
afterEach(() => world.close())

/** Holds operations of this name back until it is called. */
function hold(operation: string): () => void {
  const { promise, resolve } = gate()
  world.service.gates.set(operation, promise)
  return () => {
    world.service.gates.delete(operation)
    resolve()
  }
}

/** Begins some work, and resolves with it once it has asked for this operation. */
async function begun<T>(guest: Guest, operation: string, work: () => Promise<T>) {
  const { calls } = guest.entrance
  const before = calls.length
  const done = work()
  await eventually(() => expect(calls.slice(before)).toContain(operation))
  return { done }
}

const attach = ({ provider }: Guest, { machine } = world.here) =>
  provider.driver.attachVolume(id, machine.id)

test('a detach that ends while another guest attaches leaves that attachment as it was answered', async () => {
  await attach(there, world.there)
  const unlock = hold('ISession_unlockMachine')
  const leaving = await begun(there, 'ISession_unlockMachine', () =>
    there.provider.driver.detachVolume(id, world.there.machine.id),
  )
  const goOn = hold('IMachine_attachDevice')
  const coming = await begun(here, 'IMachine_attachDevice', () => attach(here))
  const noted = world.medium(id).description
  unlock()
  await leaving.done
  expect(world.medium(id).description).toBe(noted)
  goOn()
  const answered = await coming.done
  expect((await there.provider.driver.volume(id)).attachments).toEqual([answered])
})

test('of two guests at once, the one that loses leaves the other its attachment as it was answered, with its disk', async () => {
  const goOn = hold('IMachine_attachDevice')
  const winning = await begun(here, 'IMachine_attachDevice', () => attach(here))
  const losing = await begun(there, 'IMachine_attachDevice', () => attach(there, world.there))
  goOn()
  const outcomes = await Promise.allSettled([winning.done, losing.done])
  const winner = outcomes[0].status === 'fulfilled' ? here : there
  const [answered] = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const { driver, executor } = winner.provider
  const { attachments } = await driver.volume(id)
  expect(attachments).toEqual([answered])
  for (const one of attachments) expect(await executor.device(one)).toMatch(/\/sd[b-z]$/)
})

test('a volume that loses its description while a machine has it stays that machine’s, with its disk', async () => {
  const answered = await attach(here)
  world.medium(id).description = ''
  const { attachments } = await here.provider.driver.volume(id)
  expect(attachments).toMatchObject([{ instanceId: answered.instanceId, since: new Date(0) }])
  for (const one of attachments) expect(await here.provider.executor.device(one)).toBeDefined()
})

test('a volume that is attached by hand after its detach is no attachment that was before', async () => {
  const { machine } = world.here
  const ended = await attach(here)
  await here.provider.driver.detachVolume(id, machine.id)
  const medium = world.medium(id)
  const lock = new SimLock()
  world.host.lock(machine, lock, 'Shared')
  const locked = new SimSessionMachine(machine, lock)
  world.host.attach(locked, { controller: 'SATA', port: 9, device: 0, type: 'HardDisk', medium })
  world.host.save(locked)
  const [byHand] = (await here.provider.driver.volume(id)).attachments
  expect(byHand?.since.getTime()).toBeGreaterThan(ended.since.getTime())
})
