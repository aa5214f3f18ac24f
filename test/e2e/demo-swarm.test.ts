import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { Demonstration } from '../support/demonstration.ts'
import { eventually } from '../support/machine.ts'

let demo: Demonstration | undefined
afterEach(async () => {
  await demo?.close()
  demo = undefined
})

test('the demonstration moves a service four times, paints that, and leaves nothing behind', async () => {
  demo = new Demonstration('swarm')
  const { status, stdout, stderr } = await demo.ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const moves = [...stdout.matchAll(/^Line \d+ is written on (\w+) \S+ s later: engine /gm)]
  expect(moves.map(([, node]) => node)).toEqual(['two', 'one', 'two', 'one'])
  expect(
    stdout.match(
      /^All \d+ lines that were durable anywhere are in the volume\.\nNone of them is there twice, and nothing was written late\.$/gm,
    ),
  ).toHaveLength(5)
  const [, , cutOff = ''] = stdout.split(/^Line \d+ is written on /m)
  expect(cutOff).toMatch(/^one [\s\S]+^Nothing of the volume is left on two\.$/m)
  const [svg = '', html = ''] = [...stdout.matchAll(/^ {2}(\S+)$/gm)].map((match) => match[1] ?? '')
  const picture = readFileSync(svg, 'utf8')
  expect(
    picture.match(/<title>data mounted on \w+/g)?.map((text) => text.split(' ').at(-1)),
  ).toEqual(['one', 'two', 'one', 'two', 'one'])
  expect(readFileSync(html, 'utf8')).toContain(picture)
  expect(await demo.left()).toEqual([])
}, 300_000)

test.each([
  ['SIGINT', 'starts on this machine'],
  ['SIGKILL', 'Two is cut off'],
] as const)(
  '%s after "%s" leaves nothing behind',
  async (signal, moment) => {
    const playing = new Demonstration('swarm')
    demo = playing
    await eventually(`"${moment}"`, () => playing.said().includes(moment), 90_000)
    playing.signal(signal)
    const { status } = await playing.ended
    expect(status).toBe(signal === 'SIGINT' ? 130 : null)
    expect(await playing.left()).toEqual([])
  },
  180_000,
)
