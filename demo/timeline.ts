import { type Holding, holdings, type NodeHistory } from './holdings.ts'

/** Something that happened to the machines themselves, in milliseconds since 1970. */
export interface Moment {
  readonly at: number
  readonly text: string
}

/** What a picture is made of. */
export interface Story {
  readonly title: string
  readonly nodes: readonly NodeHistory[]
  readonly moments: readonly Moment[]
  /** When it was over. */
  readonly until: number
}

const COLOURS = ['#1f6fb2', '#c2571a', '#2c8a4b', '#8a4fb0', '#a8323e', '#6b6b1f']
const LEFT = 110
const WIDTH = 960
const TOP = 64
const BAR = 22

/** The picture: a lane for each node, a bar for each volume there, full where it was mounted. */
export function timelineSvg({ title, nodes, moments, until }: Story): string {
  const held = holdings(nodes, until)
  const volumes = [...new Set(held.map(({ volume }) => volume))].sort()
  const times = [...held.flatMap(({ from, to }) => [from, to]), ...moments.map(({ at }) => at)]
  const start = Math.min(...times, until)
  const span = Math.max(1, until - start)
  const x = (at: number) => Math.round(LEFT + ((at - start) / span) * (WIDTH - LEFT - 30))
  const lane = volumes.length * BAR + 18
  const foot = TOP + nodes.length * lane
  const colour = (volume: string) => COLOURS[volumes.indexOf(volume) % COLOURS.length] ?? ''
  const height = foot + 44 + moments.length * 18
  const y = (one: Holding) =>
    TOP +
    nodes.findIndex(({ name }) => name === one.node) * lane +
    volumes.indexOf(one.volume) * BAR +
    9
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="16" y="26" font-size="16" font-weight="bold">${escaped(title)}</text>`,
    ...volumes.map((volume, index) => legend(volume, colour(volume), 16 + index * 130)),
    `<text x="${WIDTH - 16}" y="26" fill="#555555" text-anchor="end">light: attached · full: mounted</text>`,
    ...nodes.map(({ name }, index) => laneOf(name, TOP + index * lane, lane, index)),
    ...held.flatMap((one) => barsOf(one, x, y(one), colour(one.volume))),
    ...moments.map(({ at }, index) => markOf(index + 1, x(at), foot)),
    ...ticks(span).map(
      (s) =>
        `<text x="${x(start + s * 1_000)}" y="${foot + 18}" fill="#555555" text-anchor="middle">${s} s</text>`,
    ),
    ...moments.map(({ at, text }, index) => {
      const second = ((at - start) / 1_000).toFixed(1)
      return `<text x="16" y="${foot + 44 + index * 18}">${index + 1}. ${second} s: ${escaped(text)}</text>`
    }),
    '</svg>\n',
  ].join('\n')
}

/** A page with the picture and every event, for a browser. */
export function timelineHtml(story: Story): string {
  const rows = story.nodes
    .flatMap(({ name, events }) => events.map((event) => ({ name, event })))
    .sort((one, other) => Date.parse(one.event.time) - Date.parse(other.event.time))
    .map(({ name, event: { time, kind, volume, instance = '', cause = '' } }) =>
      [time, name, kind, volume, instance, cause]
        .map((text) => `<td>${escaped(text)}</td>`)
        .join(''),
    )
  return [
    `<!doctype html><meta charset="utf-8"><title>${escaped(story.title)}</title>`,
    '<style>body{font-family:sans-serif;margin:2em}td{padding:0 1em 0 0;white-space:nowrap}svg{max-width:70em}</style>',
    timelineSvg(story),
    `<table>${rows.map((row) => `<tr>${row}</tr>`).join('\n')}</table>\n`,
  ].join('\n')
}

function legend(volume: string, colour: string, left: number): string {
  return `<rect x="${left}" y="38" width="12" height="12" fill="${colour}"/><text x="${left + 18}" y="49">${escaped(volume)}</text>`
}

function laneOf(name: string, top: number, height: number, index: number): string {
  const fill = index % 2 === 0 ? '#f3f5f7' : '#e9edf0'
  return `<rect x="16" y="${top}" width="${WIDTH - 32}" height="${height}" fill="${fill}"/><text x="26" y="${top + height / 2 + 5}" font-weight="bold">${escaped(name)}</text>`
}

function barsOf(
  { from, to, volume, node, mounted }: Holding,
  x: (at: number) => number,
  top: number,
  colour: string,
): string[] {
  const bar = (start: number, end: number, opacity: number, said: string) =>
    `<rect x="${x(start)}" y="${top}" width="${Math.max(1, x(end) - x(start))}" height="${BAR - 4}" fill="${colour}" fill-opacity="${opacity}"><title>${escaped(`${volume} ${said} ${node}`)}</title></rect>`
  return [
    bar(from, to, 0.35, 'attached to'),
    ...mounted.map(([start, end]) => bar(start, end, 1, 'mounted on')),
  ]
}

function markOf(number: number, left: number, foot: number): string {
  return `<line x1="${left}" x2="${left}" y1="${TOP - 6}" y2="${foot + 4}" stroke="#b00020" stroke-dasharray="4 3"/><text x="${left + 3}" y="${TOP - 8}" fill="#b00020">${number}</text>`
}

/** Whole seconds at which the time is written. */
function ticks(spanMs: number): number[] {
  const step = [1, 2, 5, 10, 20, 60, 300].find((s) => spanMs / (s * 1_000) <= 12) ?? 3_600
  return Array.from({ length: Math.floor(spanMs / (step * 1_000)) + 1 }, (_, index) => index * step)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
