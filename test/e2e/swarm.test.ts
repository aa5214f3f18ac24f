import { afterAll, beforeAll, expect, test } from 'vitest'
import { SwarmCluster } from '../support/swarm/cluster.ts'
import { LineService } from '../support/swarm/lines.ts'
import type { SwarmNode } from '../support/swarm/node.ts'

let cluster: SwarmCluster
let one: SwarmNode
let two: SwarmNode
let lines: LineService

beforeAll(async () => {
  cluster = await SwarmCluster.open({ factor: 0.5 })
  one = await cluster.add('one')
  two = await cluster.add('two')
  lines = new LineService(cluster)
})
afterAll(async () => {
  await cluster.end()
})

test('a drained node gives its service with all that was acknowledged to the other', async () => {
  await lines.create()
  const { node } = await lines.firstLineOn([one, two], 0)
  const [from, to] = node === 'one' ? [one, two] : [two, one]
  const at = Date.now()
  await cluster.manager.engine.docker('node', 'update', '--availability', 'drain', node)
  await lines.firstLineOn([to], at)
  const found = new Set(lines.found(to))
  const lost = lines.acknowledged().filter(({ text }) => !found.has(text))
  expect(lost).toEqual([])
  expect(from.volumeMounts()).toEqual([])
  if (process.env['SHOW']) console.log(to.output())
})
