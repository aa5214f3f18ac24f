import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { holdings } from '../../demo/holdings.ts'
import { timelineHtml, timelineSvg } from '../../demo/timeline.ts'
import type { RecordedEvent } from '../../src/mount/event-log.ts'

const at = (second: number) => Date.UTC(2026, 0, 1) + second * 1_000

function event(second: number, kind: string, volume = 'data'): RecordedEvent {
  return { time: new Date(at(second)).toISOString(), kind, service: 'ebs', volume }
}

const one = (...events: RecordedEvent[]) => ({ name: 'one', events })
const two = (...events: RecordedEvent[]) => ({ name: 'two', events })

function told(nodes: Parameters<typeof holdings>[0], until = at(12)): string[] {
  const s = (ms: number) => (ms - at(0)) / 1_000
  return holdings(nodes, until).map(
    ({ node, volume, from, to, mounted }) =>
      `${volume} ${node} ${s(from)}-${s(to)} mounted ${mounted.map(([a, b]) => `${s(a)}-${s(b)}`).join(' ')}`,
  )
}

test('a volume that was let go is at one node after the other, and at none between', () => {
  const nodes = [
    one(event(1, 'attached'), event(2, 'mounted'), event(5, 'unmounted'), event(7, 'detached')),
    two(event(9, 'attached'), event(10, 'mounted'), event(12, 'reference')),
  ]
  expect(told(nodes)).toEqual(['data one 1-7 mounted 2-5', 'data two 9-12 mounted 10-12'])
})

test('a volume that was taken ends there when it was taken, not when the loss was noticed', () => {
  const nodes = [
    one(event(1, 'attached'), event(2, 'mounted'), event(15, 'lost')),
    two(event(6, 'taken-over'), event(8, 'attached'), event(9, 'mounted'), event(20, 'unmounted')),
  ]
  expect(told(nodes, at(20))).toEqual(['data one 1-6 mounted 2-6', 'data two 8-20 mounted 9-20'])
})

test('a node that takes a volume without a word of its end there ends it, too, and each volume has its own time', () => {
  const nodes = [
    one(event(1, 'attached'), event(2, 'attached', 'logs'), event(9, 'detached', 'logs')),
    two(event(4, 'attached'), event(5, 'detached'), event(5, 'detached')),
  ]
  expect(told(nodes)).toEqual([
    'data one 1-4 mounted ',
    'logs one 2-9 mounted ',
    'data two 4-5 mounted ',
  ])
})

test('the picture and the page are well formed whatever names there are', () => {
  const odd = `<&"data>`
  const story = {
    title: odd,
    nodes: [one(event(1, 'attached', odd), event(3, 'mounted', odd)), two()],
    moments: [{ at: at(2), text: odd }],
    until: at(4),
  }
  const svg = timelineSvg(story)
  expect(XMLValidator.validate(svg)).toBe(true)
  const parsed = new XMLParser({ ignoreAttributes: false }).parse(svg)
  expect(JSON.stringify(parsed)).toContain('1. 1.0 s: <&\\"data>')
  expect(timelineHtml(story)).toContain(svg)
  expect(timelineHtml(story)).toContain('<td>&lt;&amp;&quot;data></td>')
})

test('a story without events is a picture, too', () => {
  expect(
    XMLValidator.validate(timelineSvg({ title: 'none', nodes: [], moments: [], until: at(0) })),
  ).toBe(true)
})
