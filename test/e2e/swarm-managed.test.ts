import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest'
import { parse } from 'yaml'
import { documentAt } from '../support/documents.ts'
import { eventually } from '../support/machine.ts'
import { SwarmCluster } from '../support/swarm/cluster.ts'
import { LineService } from '../support/swarm/lines.ts'
import type { ManagedNode } from '../support/swarm/managed-node.ts'
import { SwarmStory } from '../support/swarm/story.ts'

let cluster: SwarmCluster
let lines: LineService
let story: SwarmStory<ManagedNode>

/** The stack file that the documentation shows, for one task with a small volume; it needs a secret and a label. */
function documentedStack() {
  const [, text = ''] = /```yaml\n(.*?)```/s.exec(documentAt('docs/swarm.md').text) ?? []
  const stack = parse(text)
  stack.services.db.deploy.replicas = 1
  stack.volumes.data.driver_opts.size = '1'
  return stack
}

beforeAll(async () => {
  cluster = new SwarmCluster()
  await cluster.start({ factor: 0.3 })
  const nodes = await Promise.all([cluster.addManaged('one'), cluster.addManaged('two')])
  await cluster.manager.docker('secret', 'create', 'password', import.meta.filename)
  for (const { hostname } of nodes)
    await cluster.manager.docker('node', 'update', '--label-add', 'zone=us-east-1a', hostname)
  lines = new LineService(cluster)
  await lines.deploy(documentedStack(), 'db', 'db-1')
  story = await SwarmStory.begin(cluster, lines, nodes)
}, 180_000)
afterAll(async () => {
  await cluster.end()
})

beforeEach(() => {
  onTestFailed(async () => console.log(await cluster.history()))
})

/** Waits until the manager has this of a task of the service. */
async function untilTold(what: RegExp | string): Promise<void> {
  const told = async () => (await lines.tasks()).search(what) >= 0
  await eventually(`tasks of which ${what} is told`, told, 60_000)
}

test('a drained node gives the service of a stack to the other one, as soon as its plugin is enabled', async () => {
  const { here, there } = story
  await there.disable()
  const lostAt = Date.now()
  await cluster.availability(here, 'drain')
  await untilTold(/rexray\S* found but disabled|missing plugin on 1 node/)
  expect(await there.engine.docker('volume', 'ls', '--quiet')).toBe('')
  await there.enable()
  await story.expectMoved('drain, to a node whose plugin was disabled', lostAt)
  await cluster.availability(here, 'active')
  await story.expectReturned()
})

test('under true a node whose engine and plugin are killed loses the volume, and knows it when they return', async () => {
  await story.treat({ preempt: true })
  const { here } = story
  const lostAt = Date.now()
  await here.engine.kill()
  await here.killRemora()
  await story.expectMoved('true, engine and plugin killed', lostAt)
  await here.engine.start()
  await eventually('the loss to be noticed', () => here.events('lost').length > 0)
  await story.expectReturned()
})

test('a node that has just lost the volume gets it back from one that is cut off only by a command', async () => {
  await story.treat({ preempt: true })
  const { here, there } = story
  const lostAt = Date.now()
  await here.cutOff()
  await untilTold('it is not taken back until 5 minutes have passed without a try')
  const { status, stderr } = await there.command('volume', 'attach', '--force', lines.volume)
  expect({ status, stderr }).toMatchObject({ status: 0 })
  await story.expectMoved('true, cut off, taken back by a command', lostAt)
  const refused = lines.refused()
  await eventually('the lost task to be refused', () => lines.refused() > refused)
  await eventually('the loss to be noticed', () => here.events('lost').length > 0)
  await here.reconnect()
  await story.expectReturned()
})
