import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest'
import type { EbsMachineSettings } from '../support/ebs-machines.ts'
import { eventually } from '../support/machine.ts'
import { SwarmCluster } from '../support/swarm/cluster.ts'
import { LineService } from '../support/swarm/lines.ts'
import type { SwarmNode } from '../support/swarm/node.ts'
import { partsOf, told } from '../support/swarm/parts.ts'
import { SlotServices } from '../support/swarm/slots.ts'

let cluster: SwarmCluster
let lines: LineService
/** Where the service runs, and the other node. */
let here: SwarmNode
let there: SwarmNode

beforeAll(async () => {
  cluster = new SwarmCluster()
  await cluster.start({ factor: 0.3 })
  const [one, two] = [await cluster.add('one'), await cluster.add('two')]
  lines = new LineService(cluster)
  await lines.create()
  const { node } = await lines.firstLineOn([one, two], 0)
  here = node === 'one' ? one : two
  there = node === 'one' ? two : one
})
afterAll(async () => {
  await cluster.end()
})

beforeEach(() => {
  onTestFailed(async () => console.log(await cluster.history()))
})

/** From now on a node treats the volumes of others so. */
async function treat(node: SwarmNode, settings: EbsMachineSettings): Promise<void> {
  cluster.configure(node, { attachWait: '3s', preemptGrace: '3s', ...settings })
  await node.server.stop()
  await node.serve()
}

/** The service has come to the other node with all that was acknowledged, and no line has two writers. */
async function expectMoved(what: string, lostAt: number, stoppedAt?: number): Promise<void> {
  const { at } = await lines.firstLineOn([there], lostAt)
  const parts = partsOf(cluster, there, [lostAt, at], stoppedAt)
  console.log(told(what, parts))
  const acknowledged = lines.acknowledged()
  const found = lines.found(there)
  const durable = new Set(found)
  expect(acknowledged.filter(({ text }) => !durable.has(text))).toEqual([])
  const numbers = found.map((line) => line.split(' ')[0])
  expect(numbers.length).toBe(new Set(numbers).size)
  expect(cluster.simulator.files.lateWrites(lines.volumeId())).toBe(0)
  expect(parts.ours).toBeLessThan(3_000)
  ;[here, there] = [there, here]
}

/** The lost node is one of the Swarm again, has nothing of the volume, and leaves it where it is. */
async function expectReturned(): Promise<void> {
  await eventually(
    `${there.hostname} to be ready`,
    async () => (await cluster.stateOf(there)) === 'ready',
    60_000,
  )
  await eventually(
    'the lost node to have nothing of the volume',
    () => [...there.volumeMounts(), ...there.containers('/data')].length === 0,
  )
  expect(cluster.holders(lines.volume)).toEqual([here.instance.id])
  await lines.more(20)
  expect(lines.acknowledged().at(-1)?.node).toBe(here.hostname)
}

/** The service goes to the other node, which the drained one lets have its volume. */
async function drain(): Promise<void> {
  const lostAt = Date.now()
  await cluster.availability(here, 'drain')
  await expectMoved('drain', lostAt)
  await cluster.availability(there, 'active')
}

test('a drained node gives the service to the other one', async () => {
  await drain()
  await expectReturned()
})

test('under dead the service waits for an error that names the lost instance, until that is stopped', async () => {
  await treat(there, { preempt: 'dead' })
  await here.engine.kill()
  await here.server.kill()
  await eventually(
    'the task to fail',
    async () => (await lines.tasks()).includes(`is attached to ${here.instance.id} since`),
    60_000,
  )
  expect(await lines.tasks()).toMatch(
    new RegExp(`volume "data" is attached to ${here.instance.id} since \\S+ \\(which runs\\)`),
  )
  const stoppedAt = Date.now()
  here.instance.stop()
  const isOff = eventually('the instance to be off', () => here.instance.state() === 'stopped')
  const off = isOff.then(() => here.losePower())
  await expectMoved('dead, from the stop of the lost instance', stoppedAt, stoppedAt)
  await off
  await there.boot()
  await expectReturned()
})

test('under true a node that is cut off loses the volume, and its task writes nothing more', async () => {
  await drain()
  await treat(there, { preempt: true })
  const lostAt = Date.now()
  await here.cutOff()
  await expectMoved('true, cut off', lostAt)
  const refused = lines.refused()
  await eventually('the lost task to be refused', () => lines.refused() > refused)
  await eventually('the loss to be noticed', () => there.events('lost').length > 0)
  await there.reconnect()
  await expectReturned()
})

test('under fence a node that is cut off is stopped first', async () => {
  await drain()
  await treat(there, { preempt: 'fence' })
  const lostAt = Date.now()
  await here.cutOff()
  const lost = here
  const isOff = eventually('the instance to be off', () => lost.instance.state() === 'stopped')
  const off = isOff.then(() => lost.losePower())
  await expectMoved('fence, cut off', lostAt)
  await off
  await there.reconnect()
  await there.boot()
  await expectReturned()
})

test('a node that has just lost the volume gets it back from a running one only by a command', async () => {
  await treat(there, { preempt: true })
  const lostAt = Date.now()
  await here.cutOff()
  const refusal = 'it is not taken back until 5 minutes have passed without a try'
  await eventually('a refusal', async () => (await lines.tasks()).includes(refusal), 60_000)
  const { status, stderr } = await there.command('volume', 'attach', '--force', lines.volume)
  expect({ status, stderr }).toMatchObject({ status: 0 })
  await expectMoved('true, taken back by a command', lostAt)
  await there.reconnect()
  await expectReturned()
})

test('each slot of three services meets its own data however they are scaled', async () => {
  await lines.remove()
  const slots = new SlotServices(cluster)
  const names = ['alpha', 'beta', 'gamma']
  for (const name of names) await slots.create(name)
  for (const replicas of [2, 1, 2]) await slots.scale(names, replicas)
  const met = slots.met()
  expect(Object.keys(met).toSorted()).toEqual(names.flatMap((name) => [`${name}-1`, `${name}-2`]))
  for (const [slot, starts] of Object.entries(met))
    expect(starts).toEqual(starts.map((_, index) => Array(index + 1).fill(slot)))
  expect(Object.values(met).flat()).toHaveLength(9)
  await slots.remove(...names)
})

test('an update that starts the new task before the old one ends shares the volume on one node', async () => {
  const slots = new SlotServices(cluster)
  const pinned = [
    '--constraint',
    `node.hostname==${here.hostname}`,
    '--update-order',
    'start-first',
  ]
  await slots.create('pinned', ...pinned)
  await slots.untilRunning('pinned', 1)
  const before = here.output().length
  await slots.renew('pinned')
  const letGo = '"plugin Unmount","volume":"pinned-1"'
  await eventually('the old task to let go', () => here.output().slice(before).includes(letGo))
  await slots.untilRunning('pinned', 1)
  const calls = here
    .output()
    .slice(before)
    .matchAll(/"plugin (\w+)","volume":"pinned-1"/g)
  expect([...calls].map(([, call]) => call)).toEqual(['Mount', 'Unmount'])
  expect(slots.met()['pinned-1']).toEqual([['pinned-1'], ['pinned-1', 'pinned-1']])
  expect(cluster.holders('pinned-1')).toEqual([here.instance.id])
})
