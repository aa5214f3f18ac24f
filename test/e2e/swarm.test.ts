import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest'
import { eventually } from '../support/machine.ts'
import { SwarmCluster } from '../support/swarm/cluster.ts'
import { type Line, LineService } from '../support/swarm/lines.ts'
import type { SwarmNode } from '../support/swarm/node.ts'
import { SlotServices } from '../support/swarm/slots.ts'
import { SwarmStory } from '../support/swarm/story.ts'

let cluster: SwarmCluster
let lines: LineService
let story: SwarmStory

beforeAll(async () => {
  cluster = new SwarmCluster()
  await cluster.start({ factor: 0.3 })
  lines = new LineService(cluster)
})
afterAll(async () => {
  await cluster.end()
})

beforeEach(() => {
  onTestFailed(async () => console.log(await cluster.history()))
})

test('a node gets no task before its engine has called the plugin, and the service runs on one that has', async () => {
  const cold = await cluster.addCold('one')
  await lines.create()
  await eventually('the task to be pending', async () =>
    (await lines.tasks()).includes('missing plugin on 1 node'),
  )
  await cold.warmUp()
  story = await SwarmStory.begin(cluster, lines, [cold, await cluster.add('two')])
  await eventually('the node to report the plugin', () => cluster.hasReported(cold))
})

test('a drained node gives the service to the other one', async () => {
  await story.drain()
  await story.expectReturned()
})

test('under dead the service waits for an error that names the lost instance, until that is stopped', async () => {
  const { here, there } = story
  await story.treat({ preempt: 'dead' })
  await here.engine.kill()
  await here.killRemora()
  const killedAt = Date.now()
  const refusal = new RegExp(
    `volume "data" is attached to ${here.instance.id} since \\S+ \\(which runs\\)`,
    'g',
  )
  const refusals = async () => [...(await lines.tasks()).matchAll(refusal)].length
  await eventually('a second task to be refused', async () => (await refusals()) > 1, 60_000)
  expect(cluster.holders(lines.volume)).toEqual([here.instance.id])
  const stoppedAt = Date.now()
  here.instance.stop()
  const isOff = eventually('the instance to be off', () => here.instance.state() === 'stopped')
  const off = isOff.then(() => here.losePower())
  await story.expectMoved('dead, from the stop of the lost instance', stoppedAt, stoppedAt)
  const early = ({ node, at }: Line) => node === there.hostname && at > killedAt && at < stoppedAt
  expect(lines.acknowledged().filter(early)).toEqual([])
  await off
  await here.boot()
  await story.expectReturned()
})

test('under fence a node that is cut off is stopped first', async () => {
  await story.drain()
  const { here } = story
  await story.treat({ preempt: 'fence' })
  const lostAt = Date.now()
  await here.cutOff()
  const isOff = eventually('the instance to be off', () => here.instance.state() === 'stopped')
  const off = isOff.then(() => here.losePower())
  await story.expectMoved('fence, cut off', lostAt)
  await off
  await here.reconnect()
  await here.boot()
  await story.expectReturned()
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
  const { here } = story
  const pinned = [
    '--constraint',
    `node.hostname==${here.hostname}`,
    '--update-order',
    'start-first',
  ]
  await slots.create('pinned', { flags: pinned })
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
  await slots.remove('pinned')
})

test('a second service shares a volume on its node, and is refused it on the other one', async () => {
  const slots = new SlotServices(cluster)
  const { here, there } = story
  await story.treat({ preempt: false })
  const pinned = (node: SwarmNode) => ['--constraint', `node.hostname==${node.hostname}`]
  for (const name of ['shared', 'also'])
    await slots.create(name, { volume: 'shared', flags: pinned(here) })
  for (const name of ['shared', 'also']) await slots.untilRunning(name, 1)
  await slots.create('elsewhere', { volume: 'shared', flags: pinned(there) })
  const refusal = `volume "shared" is attached to ${here.instance.id} since`
  await eventually('the other node to be refused', async () =>
    (await slots.tasks('elsewhere')).includes(refusal),
  )
  for (const name of ['shared', 'also']) await slots.untilRunning(name, 1)
  expect(cluster.holders('shared')).toEqual([here.instance.id])
  expect(Object.keys(slots.met())).not.toContain('elsewhere-1')
})
